// The runs of docs/async-io.md: each is measured, and drawn as lanes.
import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
import type * as Ops from './ops.ts'
import type { Lane, Span } from './timeline.ts'

const ops = workerModule<typeof Ops>(import.meta.resolve('./ops.ts'))
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** A clock that starts now and records spans. */
class Notes {
  readonly #startedAt = performance.now()
  readonly #lanes = new Map<string, Span[]>()

  /** Lanes in this order, used or not. */
  constructor(lanes: readonly string[]) {
    for (const lane of lanes) this.#lanes.set(lane, [])
  }

  get now(): number {
    return performance.now() - this.#startedAt
  }

  add(lane: string, span: Span): void {
    const spans = this.#lanes.get(lane)
    if (spans === undefined) this.#lanes.set(lane, [span])
    else spans.push(span)
  }

  /** Waits, and records for how long. */
  async wait(lane: string, ms: number, label?: string): Promise<void> {
    const from = this.now
    await pause(ms)
    this.add(lane, { from, to: this.now, tone: 'wait', ...(label === undefined ? {} : { label }) })
  }

  /** Computes on the loop, and records for how long. */
  hold(lane: string, ms: number, label?: string): void {
    const from = this.now
    while (this.now < from + ms);
    this.add(lane, { from, to: this.now, tone: 'hold', ...(label === undefined ? {} : { label }) })
  }

  /** A lane that is free now: tasks of one pool are drawn in as few lanes as they need. */
  free(kind: string, taken: Set<string>): string {
    for (let i = 1; ; i++) {
      const lane = `${kind} ${i}`
      if (taken.has(lane)) continue
      taken.add(lane)
      return lane
    }
  }

  get lanes(): Lane[] {
    return [...this.#lanes].map(([name, spans]) => ({ name, spans }))
  }
}

const ITEMS = 12
const FETCH_MS = 30
const STORE_MS = 10

/** Three tasks that wait, one thread. */
export async function overlapping(): Promise<Lane[]> {
  const notes = new Notes(['task 1', 'task 2', 'task 3', 'the loop'])
  const task = async (lane: string, first: number, second: number): Promise<void> => {
    await notes.wait(lane, first)
    notes.hold('the loop', 3, lane.slice(-1))
    await notes.wait(lane, second)
    notes.hold('the loop', 3, lane.slice(-1))
  }
  await Promise.all([task('task 1', 30, 50), task('task 2', 45, 20), task('task 3', 60, 35)])
  return notes.lanes
}

/**
 * A pool of tasks that do everything for one item: the narrowest step limits the width of all
 * steps.
 */
export async function barePool(): Promise<Lane[]> {
  const notes = new Notes([])
  const left = numbers(ITEMS)
  const worker = async (name: string): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await notes.wait(name, FETCH_MS, `fetch ${item}`)
      const from = notes.now
      await pause(STORE_MS)
      notes.add(name, { from, to: notes.now, tone: 'work', label: 'store' })
    }
  }
  await Promise.all([worker('task 1'), worker('task 2')])
  return notes.lanes
}

/** The same work as stages, each with its own width. */
export async function stages(): Promise<Lane[]> {
  const notes = new Notes([...numbers(6).map((i) => `fetch ${i + 1}`), 'store 1', 'store 2'])
  const taken = new Set<string>()
  const pipeline = new PipelineBuilder()
    .addSource(numbers(ITEMS))
    .pipe(
      async function fetch(item) {
        const lane = notes.free('fetch', taken)
        await notes.wait(lane, FETCH_MS, `${item}`)
        taken.delete(lane)
        return item
      },
      { concurrency: 6 },
    )
    .pipe(
      async function store(item) {
        const lane = notes.free('store', taken)
        const from = notes.now
        await pause(STORE_MS)
        notes.add(lane, { from, to: notes.now, tone: 'work', label: `${item}` })
        taken.delete(lane)
      },
      { concurrency: 2 },
    )
    .build()
  await pipeline.forEach(() => {})
  return notes.lanes
}

/** Fetches beside a function that computes on the loop. */
export async function blocked(): Promise<Lane[]> {
  return computing((notes) => () => notes.hold('compute', 40))
}

/** The same with the function in a worker thread. */
export async function unblocked(): Promise<Lane[]> {
  await using pool = new ThreadPool({ size: 1 })
  const builder = new PipelineBuilder()
  // The thread is started before the clock.
  await builder
    .addSource([1])
    .pipe(ops.compute, { executor: pool })
    .build()
    .forEach(() => {})
  return await computing((notes) => async () => {
    const call = builder.addSource([40]).pipe(ops.compute, { executor: pool }).build()
    await call.forEach(({ from, to }) => {
      const start = performance.timeOrigin + performance.now() - notes.now
      notes.add('compute', { from: from - start, to: to - start, tone: 'work' })
    })
  })
}

async function computing(makeCompute: (notes: Notes) => () => unknown): Promise<Lane[]> {
  const lanes = numbers(3).map((i) => `fetch ${i + 1}`)
  const notes = new Notes([...lanes, 'compute'])
  const compute = makeCompute(notes)
  const fetching = lanes.map(async (lane) => {
    for (let i = 0; i < 6; i++) await notes.wait(lane, 15)
  })
  await pause(20)
  await compute()
  await Promise.all(fetching)
  return notes.lanes
}

/** Eight calls of a function that Node runs on its own threads, of which there are four. */
export async function nodesThreads(): Promise<Lane[]> {
  const notes = new Notes(numbers(8).map((i) => `pbkdf2 ${i + 1}`))
  const derive = promisify(pbkdf2)
  await Promise.all(
    notes.lanes.map(async ({ name }) => {
      const from = notes.now
      await derive('secret', 'salt', 60_000, 32, 'sha256')
      notes.add(name, { from, to: notes.now, tone: 'work' })
    }),
  )
  return notes.lanes
}
