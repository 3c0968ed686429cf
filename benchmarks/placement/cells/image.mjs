import { SegmentPool, ThreadPool } from 'spindle'
import { callsOf, inPiscina, inPool, oneThread } from '../measure.mjs'

export const title = 'Results of 150 KB (a picture of 224 x 224), one thread, 16 in flight'
export const unit = 'us a call'

const BYTES = 150_528
const measure = (run, scale, use) => callsOf(run, () => BYTES, Math.ceil(5000 * scale), 16, use)

export const contestants = {
  'pool, new memory each': (scale) => measure(inPool(oneThread(), 'bytes'), scale),
  'pool, given back': (scale) => {
    const pool = oneThread()
    return measure(inPool(pool, 'reusedBytes'), scale, (result) => pool.giveBack(result))
  },
  'pool, in shared memory': (scale) => {
    const memory = new SegmentPool()
    const pool = new ThreadPool({ size: 1, memory })
    const release = (result) => SegmentPool.leaseOf(result).release()
    return measure(inPool(pool, 'reusedBytes'), scale, release)
  },
  'piscina, move()': (scale) => measure(inPiscina('movedBytes'), scale),
  'piscina, move(), 16 a worker': (scale) =>
    measure(inPiscina('movedBytes', { concurrentTasksPerWorker: 16 }), scale),
  'piscina, cloned': (scale) => measure(inPiscina('bytes'), scale),
}

export const targets = [{ of: 'pool, given back', against: 'piscina, move()', atLeast: 6 }]
