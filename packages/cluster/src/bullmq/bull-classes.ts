import { importPeer } from '../engines/import-peer.ts'
import type { ServerPlace } from '../engines/server-url.ts'
import { connectPostgres } from '../postgres/postgres-entries.ts'
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

/** BullMQ on PostgreSQL, in tables of its schema `bullmq`, which the first caller makes. */
export function bullOnPostgres(place: ServerPlace): BullClasses {
  // BullMQ cannot load `pg` itself from a module, and never makes its tables in a pool of others.
  const connect = async () => {
    const { withBackend, createPostgresBackend, runMigrations } = await importBull('PostgreSQL')
    const pool = await connectPostgres(place, '-c search_path="bullmq"')
    const client = await pool.connect()
    try {
      await runMigrations(client)
    } finally {
      client.release()
    }
    return { pool, ...withBackend(createPostgresBackend) }
  }
  return {
    async queue(name) {
      const { pool, Queue } = await connect()
      return quiet(new Queue(name, { connection: pool as never }) as never, () => pool.end())
    },
    async worker(name, settings) {
      const { pool, Worker } = await connect()
      const options = { connection: pool as never, autorun: false, ...settings }
      return quiet(new Worker(name, null, options) as never, () => pool.end())
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
>(made: T, disconnect: () => unknown): T {
  made.on('error', () => undefined)
  const close = made.close.bind(made)
  made.close = async (...args: never[]) => {
    await close(...args)
    await disconnect()
  }
  return made
}
