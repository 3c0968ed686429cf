import { ThreadPool } from 'spindle'
import { inPool } from '../measure.mjs'

export const title = 'From the death of the only thread to the result of the call behind'
export const unit = 'ms'

export const contestants = {
  pool: async () => {
    const pool = new ThreadPool({ size: 1, maxDeaths: 1 })
    const run = inPool(pool, 'endWorker')
    await run(1)
    const dying = run(-1).catch(() => performance.now())
    const next = run(2)
    const diedAt = await dying
    await next
    return { value: performance.now() - diedAt }
  },
}

export const targets = [{ of: 'pool', value: 200 }]
