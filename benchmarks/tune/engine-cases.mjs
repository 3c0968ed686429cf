// The cases as real pipelines: ops that wait by timers, or work in worker threads.
// `stages(builder, options)` adds the stages under the options given.
import { ThreadPool, workerModule } from 'spindle'
import { contended } from './cases.mjs'
import { normal, random } from './simulator.mjs'

const rng = random(7)
const vary = (ms, spread = 0.2) => ms * Math.max(0.1, 1 + spread * normal(rng))
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const wait = (ms) => async (item) => {
  await sleep(vary(ms))
  return item
}
const { burn } = workerModule(import.meta.resolve('./burn.mjs'))

/** A lock that takes longer the more want it: what is done is shared among all that are at it. */
function mutex(spread = 0) {
  let running = 0
  return async (item) => {
    running++
    let left = vary(6, spread)
    let at = performance.now()
    while (left > 0) {
      await sleep(5)
      const now = performance.now()
      left -= (contended(running) / 1000 / running) * (now - at)
      at = now
    }
    running--
    return item
  }
}

function limited() {
  let atServer = 0
  return async (item) => {
    if (atServer >= 20) {
      await sleep(10)
      throw new Error('429')
    }
    atServer++
    await sleep(vary(100))
    atServer--
    return item
  }
}

export const ENGINE_CASES = {
  io: { consumerMs: 5, stages: (builder, [one]) => builder.pipe(wait(200), one) },
  429: {
    consumerMs: 1,
    stages: (builder, [one]) =>
      builder.pipe(limited(), {
        ...one,
        retry: { retries: 20, minDelayMs: 100, maxDelayMs: 2000 },
      }),
  },
  'io-cpu': {
    usesCores: true,
    consumerMs: 1,
    stages: (builder, [one, two]) =>
      builder.pipe(wait(200), one).pipe(burn.with(20), { ...two, executor: pool() }),
  },
  curve: { consumerMs: 0, stages: (builder, [one]) => builder.pipe(mutex(), one) },
  'curve-spread': { consumerMs: 0, stages: (builder, [one]) => builder.pipe(mutex(0.2), one) },
  'two-cpu': {
    usesCores: true,
    consumerMs: 0,
    stages: (builder, [one, two]) =>
      builder
        .pipe(burn.with(10), { ...one, executor: pool() })
        .pipe(burn.with(5), { ...two, executor: pool() }),
  },
  consumer: {
    consumerMs: 20,
    stages: (builder, [one, two]) => builder.pipe(wait(20), one).pipe(wait(10), two),
  },
  tails: {
    consumerMs: 2,
    stages: (builder, [one]) =>
      builder.pipe(async (item) => {
        await sleep(50 * Math.exp(1.5 * normal(rng) - 1.125))
        return item
      }, one),
  },
  ordered: {
    consumerMs: 4,
    stages: (builder, [one]) =>
      builder.pipe((item) => wait(rng() < 0.05 ? 400 : 20)(item), { ...one, outputOrder: 'input' }),
  },
  memory: {
    consumerMs: 1,
    // Above what the process has at the start. The collector takes what is not used any more late:
    // 20 items need more than 200 MB.
    memoryBytes: 500e6,
    stages: (builder, [one]) =>
      builder.pipe(async () => {
        const bytes = Buffer.alloc(10e6, 1)
        await sleep(vary(200))
        return bytes
      }, one),
  },
  drift: {
    consumerMs: 5,
    drift: 30_000,
    stages: (builder, [one]) => {
      const beganAt = performance.now()
      return builder.pipe(
        (item) => wait(performance.now() - beganAt < 30_000 ? 50 : 200)(item),
        one,
      )
    },
  },
  noisy: {
    usesCores: true,
    hasNeighbour: true,
    consumerMs: 1,
    stages: (builder, [one, two]) =>
      builder.pipe(wait(50), one).pipe(burn.with(20), { ...two, executor: pool() }),
  },
  'fan-out': {
    usesCores: true,
    consumerMs: 0,
    stages: (builder, [one, two]) =>
      builder
        .pipe(async function* (item) {
          await sleep(vary(200))
          for (let i = 0; i < 20; i++) yield item
        }, one)
        .pipe(burn.with(20), { ...two, executor: pool() }),
  },
}

let shared
function pool() {
  shared ??= new ThreadPool()
  return shared
}
