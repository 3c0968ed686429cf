import { ThreadPool } from 'spindle'
import { callsOf, inPiscina, inPool } from '../measure.mjs'

export const title = 'Arithmetic of 2 ms a call, by one thread and by two (on two idle cores)'
export const unit = 'us a call'

const measure = (run, scale) => callsOf(run, (id) => id, Math.ceil(600 * scale), 8)

export const contestants = {
  'pool of 1': (scale) => measure(inPool(new ThreadPool({ size: 1 }), 'arithmetic'), scale),
  'pool of 2': (scale) => measure(inPool(new ThreadPool({ size: 2 }), 'arithmetic'), scale),
  'piscina of 2': (scale) =>
    measure(inPiscina('arithmetic', { minThreads: 2, maxThreads: 2 }), scale),
}

export const targets = [{ of: 'pool of 2', against: 'pool of 1', atLeast: 1.85 }]
