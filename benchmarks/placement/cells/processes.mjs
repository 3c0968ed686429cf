import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ProcessPool } from 'spindle'
import { callsOf, inPool } from '../measure.mjs'

export const title = 'Results of 150 KB from a process, 4 in flight'
export const unit = 'us a call'

const BYTES = 150_528
const measure = (run, scale, use) => callsOf(run, () => BYTES, Math.ceil(3000 * scale), 4, use)

export const contestants = {
  'pool, new memory each': (scale) => measure(inPool(new ProcessPool({ size: 1 }), 'bytes'), scale),
  'pool, given back': (scale) => {
    const pool = new ProcessPool({ size: 1 })
    return measure(inPool(pool, 'reusedBytes'), scale, (result) => pool.giveBack(result))
  },
  'fork(), advanced serialisation': async (scale) => {
    const child = fork(fileURLToPath(new URL('../ops/forked.mjs', import.meta.url)), {
      serialization: 'advanced',
    })
    const waiting = []
    child.on('message', (result) => waiting.shift()(result))
    const run = (size) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        child.send(size)
      })
    const measured = await measure(run, scale)
    child.kill()
    return measured
  },
}

export const targets = [
  { of: 'pool, given back', against: 'fork(), advanced serialisation', atLeast: 2.5 },
]
