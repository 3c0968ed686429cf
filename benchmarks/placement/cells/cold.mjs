import { ThreadPool } from 'spindle'
import { inPool, OPS } from '../measure.mjs'
import { loadPiscina } from '../rivals.mjs'

export const title = 'From the making of a pool of 2 threads to the first result'
export const unit = 'ms'

async function cold(run) {
  const startedAt = performance.now()
  await run()
  return { value: performance.now() - startedAt }
}

export const contestants = {
  pool: () =>
    cold(async () => {
      const pool = new ThreadPool({ size: 2 })
      pool.warmUp(2)
      await inPool(pool, 'small')({ id: 1 })
    }),
  piscina: () => {
    const { Piscina } = loadPiscina()
    return cold(() =>
      new Piscina({ filename: OPS, minThreads: 2, maxThreads: 2 }).run(
        { id: 1 },
        { name: 'small' },
      ),
    )
  },
}

export const targets = [{ of: 'pool', value: 60 }]
