import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection as Client } from '@nats-io/transport-node'
import { importPeer } from '../engines/import-peer.ts'
import type { ServerPlace } from '../engines/server-url.ts'

const TIMEOUT_MS = 5000

/** A connection to NATS that is made at its first use. */
export class NatsConnection {
  /** The URL for people, without secrets. */
  readonly url: string
  /** Name of the ledger. */
  readonly name: string
  /** Servers that keep each entry: `?replicas=3` in the URL. */
  readonly replicas: number
  readonly #servers: string
  #client: Promise<Client> | undefined

  constructor(place: ServerPlace) {
    const url = new URL(place.connection)
    this.replicas = Number(url.searchParams.get('replicas') ?? 1)
    url.search = ''
    this.#servers = url.href
    this.url = place.shown
    this.name = place.name
  }

  /** The clients of JetStream and of its key-value store. */
  async clients(): Promise<{
    readonly jetstream: () => JetStreamClient
    readonly jetstreamManager: () => Promise<JetStreamManager>
    readonly Kvm: typeof import('@nats-io/kv').Kvm
    readonly AckPolicy: typeof import('@nats-io/jetstream').AckPolicy
    readonly RetentionPolicy: typeof import('@nats-io/jetstream').RetentionPolicy
  }> {
    const stream = await importPeer(
      '@nats-io/jetstream',
      'NATS',
      () => import('@nats-io/jetstream'),
    )
    const { Kvm } = await importPeer('@nats-io/kv', 'NATS', () => import('@nats-io/kv'))
    const client = await this.client()
    const { AckPolicy, RetentionPolicy } = stream
    return {
      jetstream: () => stream.jetstream(client, { timeout: TIMEOUT_MS }),
      jetstreamManager: () => stream.jetstreamManager(client, { timeout: TIMEOUT_MS }),
      Kvm,
      AckPolicy,
      RetentionPolicy,
    }
  }

  /** The connection itself. */
  async client(): Promise<Client> {
    this.#client ??= this.#open()
    try {
      return await this.#client
    } catch (error) {
      this.#client = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    await client?.close()
  }

  async #open(): Promise<Client> {
    const { connect } = await importPeer(
      '@nats-io/transport-node',
      'NATS',
      () => import('@nats-io/transport-node'),
    )
    const { username, password, host } = new URL(this.#servers)
    return await connect({
      servers: host,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      timeout: TIMEOUT_MS,
      ...(password === '' && username !== '' && { token: decodeURIComponent(username) }),
      ...(password !== '' && {
        user: decodeURIComponent(username),
        pass: decodeURIComponent(password),
      }),
    })
  }
}

/** A server that stops or starts: no answer, no connection, or a stream without a leader yet. */
export function isTransient(error: unknown): boolean {
  const {
    name = '',
    code,
    message = '',
  } = error as { name?: string; code?: unknown; message?: string }
  return (
    /Timeout|NoResponders|Connection|Disconnect|Closed|Draining/i.test(name) ||
    [503, 10008, 10007].includes(code as number) ||
    /timeout|no responders|ECONN|ENOTFOUND|EAI_AGAIN|disconnect|not currently available/i.test(
      message,
    )
  )
}
