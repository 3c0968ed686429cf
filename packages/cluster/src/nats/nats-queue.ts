import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { Epoch } from '../contract/epoch.ts'
import type { QueuedShard, ShardQueue } from '../engines/shard-queue.ts'
import { keyOf } from '../store/names.ts'
import type { NatsConnection } from './nats-connection.ts'

/** Messages that are published at a time. */
const LOT = 256
/** Where a message of a consumer is asked for, and how: at once or not at all. */
const PULL = '$JS.API.CONSUMER.MSG.NEXT'
const NO_WAIT = JSON.stringify({ batch: 1, no_wait: true })
/** A message comes under its own subject, so it needs a subscription of its own. */
const ONE_ANSWER = { noMux: true, timeout: 5000 }
const CONSUMER = 'workers'
const NANOSECONDS = 1_000_000

interface Opened {
  readonly stream: JetStreamClient
  readonly manager: JetStreamManager
}

/**
 * Shards as messages of a JetStream work queue, taken by one pull consumer that all workers share.
 * A handle is the reply subject of a message: acknowledgements go there from any connection.
 */
export class NatsQueue implements ShardQueue {
  readonly #connection: NatsConnection
  readonly #name: string
  #opened: Promise<Opened> | undefined
  #consumer: Promise<unknown> | undefined

  constructor(connection: NatsConnection) {
    this.#connection = connection
    this.#name = `spindle-work-${connection.name}`
  }

  async fill({ shardCount }: Epoch): Promise<void> {
    for (let start = 0; start < shardCount; start += LOT) {
      const count = Math.min(LOT, shardCount - start)
      await Promise.all(Array.from({ length: count }, (_, at) => this.add(keyOf(start + at))))
    }
  }

  async add(key: string): Promise<void> {
    const { stream } = await this.#open()
    await stream.publish(`${this.#name}.shard`, key, { msgID: key })
  }

  async next(epoch: Epoch): Promise<QueuedShard | undefined> {
    this.#consumer ??= this.#makeConsumer(epoch)
    this.#consumer.catch(() => {
      this.#consumer = undefined
    })
    await this.#consumer
    // The client's own pull waits a second at least; the server's does not have to.
    const client = await this.#connection.client()
    const message = await client.request(`${PULL}.${this.#name}.${CONSUMER}`, NO_WAIT, ONE_ANSWER)
    const { reply, headers } = message
    // An answer with a status says that nothing waits.
    if (reply === undefined || reply === '' || (headers?.code ?? 0) !== 0) return undefined
    return { key: message.string(), handle: reply }
  }

  async keep(shards: readonly QueuedShard[]): Promise<void> {
    for (const { handle } of shards) await this.#answer(handle, '+WPI')
  }

  async finish({ handle }: QueuedShard): Promise<void> {
    await this.#answer(handle, '+ACK')
  }

  async giveBack({ handle }: QueuedShard, delayMs: number): Promise<void> {
    const delay = Math.round(delayMs * NANOSECONDS)
    await this.#answer(handle, delay > 0 ? `-NAK {"delay": ${delay}}` : '-NAK')
  }

  /** The connection is closed by the entries. */
  async close(): Promise<void> {}

  async #answer(handle: string, text: string): Promise<void> {
    const client = await this.#connection.client()
    client.publish(handle, text)
    await client.flush()
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#makeStream()
    // A server that does not answer now may do so at the next call.
    this.#opened.catch(() => {
      this.#opened = undefined
    })
    return this.#opened
  }

  async #makeStream(): Promise<Opened> {
    const { jetstream, jetstreamManager, RetentionPolicy } = await this.#connection.clients()
    const manager = await jetstreamManager()
    await manager.streams.add({
      name: this.#name,
      subjects: [`${this.#name}.*`],
      retention: RetentionPolicy.Workqueue,
      num_replicas: this.#connection.replicas,
    })
    return { stream: jetstream(), manager }
  }

  async #makeConsumer({ leaseMs }: Epoch): Promise<void> {
    const { manager } = await this.#open()
    const { AckPolicy } = await this.#connection.clients()
    await manager.consumers.add(this.#name, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      ack_wait: leaseMs * NANOSECONDS,
      // Without end: the entries count the losses of a shard.
      max_deliver: -1,
      max_ack_pending: -1,
    })
  }
}
