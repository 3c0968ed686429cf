import { importPeer } from '../engines/import-peer.ts'
import type { ServerPlace } from '../engines/server-url.ts'
import type { BullClasses } from './bull-queue.ts'

const importBull = (engine: string) => importPeer('bullmq', engine, () => import('bullmq'))

/** BullMQ on Redis or Valkey. Each class has its own connection, because a worker's one blocks. */
export function bullOnRedis({ connection }: ServerPlace): BullClasses {
  const connect = async () => {
    const { Redis } = await importPeer('ioredis', 'Redis', () => import('ioredis'))
    const client = new Redis(connection, { maxRetriesPerRequest: null })
    client.on('error', () => undefined)
    return client
  }
  return {
    async queue(name) {
      const { Queue } = await importBull('Redis')
      const client = await connect()
      const queue = new Queue(name, { connection: client })
      return quiet(queue, () => client.disconnect())
    },
    async worker(name, settings) {
      const { Worker } = await importBull('Redis')
      const client = await connect()
      const worker = new Worker(name, null, { connection: client, autorun: false, ...settings })
      return quiet(worker, () => client.disconnect())
    },
  }
}

/** BullMQ on PostgreSQL, in tables of the schema `bullmq`, which it makes itself. */
export function bullOnPostgres({ connection }: ServerPlace): BullClasses {
  const options = { connection: { connectionString: connection, migrate: true } }
  const load = async () => {
    const { withBackend, createPostgresBackend } = await importBull('PostgreSQL')
    return withBackend(createPostgresBackend)
  }
  return {
    async queue(name) {
      const { Queue } = await load()
      return quiet(new Queue(name, options) as never)
    },
    async worker(name, settings) {
      const { Worker } = await load()
      return quiet(new Worker(name, null, { ...options, autorun: false, ...settings }) as never)
    },
  }
}

/**
 * Errors of the connection are told by the calls; without a listener they would end the process.
 */
function quiet<
  T extends {
    on(event: 'error', listener: () => void): unknown
    close(...args: never[]): Promise<void>
  },
>(made: T, disconnect?: () => void): T {
  made.on('error', () => undefined)
  if (disconnect === undefined) return made
  const close = made.close.bind(made)
  made.close = async (...args: never[]) => {
    await close(...args)
    disconnect()
  }
  return made
}
