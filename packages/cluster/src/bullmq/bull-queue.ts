import { randomBytes } from 'node:crypto'
import type { Job, Queue, Worker } from 'bullmq'
import type { Epoch } from '../contract/epoch.ts'
import type { QueuedShard, ShardQueue } from '../engines/shard-queue.ts'
import { keyOf } from '../store/names.ts'
import { dateMs } from '../timers.ts'

/** Jobs that are added in one call. */
const LOT = 1000
/** Jobs that stay visible in dashboards after their end. */
const KEPT = { count: 1000 }
/**
 * A job is handed out again whenever its worker is lost, without end: the entries count the losses
 * of a shard. BullMQ's own default would fail the job at its second loss.
 */
const MOST_STALLED = 1_000_000

/** Makes the classes of BullMQ for one backend: Redis or PostgreSQL. */
export interface BullClasses {
  readonly queue: (name: string) => Promise<Queue>
  readonly worker: (name: string, settings: WorkerSettings) => Promise<Worker>
}

/** How the worker takes jobs. */
export interface WorkerSettings {
  readonly lockDuration: number
  readonly stalledInterval: number
  readonly maxStalledCount: number
}

/** Shards as jobs of a BullMQ queue, fetched by hand. The id of a job is the key of its shard. */
export class BullQueue implements ShardQueue {
  readonly #name: string
  readonly #classes: BullClasses
  readonly #token: string = randomBytes(9).toString('base64url')
  /** Jobs that this object took. */
  readonly #jobs = new Map<string, Job>()
  #queue: Promise<Queue> | undefined
  #worker: Promise<Worker> | undefined

  constructor(name: string, classes: BullClasses) {
    this.#name = `spindle-${name}`
    this.#classes = classes
  }

  async fill({ shardCount }: Epoch): Promise<void> {
    const queue = await this.#opened()
    for (let start = 0; start < shardCount; start += LOT) {
      const count = Math.min(LOT, shardCount - start)
      await queue.addBulk(Array.from({ length: count }, (_, at) => jobOf(keyOf(start + at))))
    }
  }

  async add(key: string): Promise<void> {
    const { name, data, opts } = jobOf(key)
    await (await this.#opened()).add(name, data, opts)
  }

  async next({ leaseMs }: Epoch): Promise<QueuedShard | undefined> {
    const worker = await this.#fetching(leaseMs)
    const job: Job | undefined = await worker.getNextJob(this.#token, { block: false })
    if (job === undefined) return undefined
    const { key } = job.data as { readonly key: string }
    this.#jobs.set(key, job)
    return { key, handle: this.#token }
  }

  async keep(shards: readonly QueuedShard[], { leaseMs }: Epoch): Promise<void> {
    const worker = await this.#fetching(leaseMs)
    const ids = shards.map(({ key }) => jobIdOf(key))
    const tokens = shards.map(({ handle }) => handle)
    await worker.extendJobLocks(ids, tokens, leaseMs)
  }

  async finish(shard: QueuedShard): Promise<void> {
    await (await this.#job(shard))?.moveToCompleted(null, shard.handle, false)
    this.#jobs.delete(shard.key)
  }

  async giveBack(shard: QueuedShard, delayMs: number): Promise<void> {
    const job = await this.#job(shard)
    this.#jobs.delete(shard.key)
    if (delayMs > 0) await job?.moveToDelayed(dateMs() + delayMs, shard.handle)
    else await job?.moveToWait(shard.handle)
  }

  async show(shard: QueuedShard, cursor: number): Promise<void> {
    await (await this.#job(shard))?.updateProgress({ cursor })
  }

  async close(): Promise<void> {
    const [queue, worker] = await Promise.allSettled([this.#queue, this.#worker])
    // `true`: without waiting for jobs, which the entries know.
    if (worker.status === 'fulfilled') await worker.value?.close(true)
    if (queue.status === 'fulfilled') await queue.value?.close()
  }

  #opened(): Promise<Queue> {
    this.#queue ??= this.#classes.queue(this.#name)
    // A server that does not answer now may do so at the next call.
    this.#queue.catch(() => {
      this.#queue = undefined
    })
    return this.#queue
  }

  #fetching(leaseMs: number): Promise<Worker> {
    this.#worker ??= this.#startFetching(leaseMs)
    this.#worker.catch(() => {
      this.#worker = undefined
    })
    return this.#worker
  }

  async #startFetching(leaseMs: number): Promise<Worker> {
    const worker = await this.#classes.worker(this.#name, {
      lockDuration: leaseMs,
      stalledInterval: leaseMs,
      maxStalledCount: MOST_STALLED,
    })
    // BullMQ starts this check only for workers that it runs itself.
    await worker.startStalledCheckTimer()
    return worker
  }

  async #job({ key }: QueuedShard): Promise<Job | undefined> {
    return this.#jobs.get(key) ?? (await (await this.#opened()).getJob(jobIdOf(key)))
  }
}

function jobOf(key: string) {
  const opts = { jobId: jobIdOf(key), removeOnComplete: KEPT, removeOnFail: KEPT }
  return { name: 'shard', data: { key }, opts }
}

/** BullMQ refuses ids that are numbers. */
function jobIdOf(key: string): string {
  return `shard-${key}`
}
