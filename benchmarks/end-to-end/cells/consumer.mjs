// What each JavaScript cell does with its batches: it counts them, says when the first one comes,
// and keeps its loop busy for a while, as a model on another device does.
import { writeSync } from 'node:fs'

const STRIDE = 1009
const never = new Int32Array(new SharedArrayBuffer(4))

/** @param pauseMs how long the loop stands still for each batch; it takes no CPU meanwhile. */
export function consumer(pauseMs) {
  let [batches, items, sum, values] = [0, 0, 0, 0]
  return {
    take(data, count) {
      if (batches++ === 0) writeSync(1, 'first\n')
      items += count
      for (let i = 0; i < data.length; i += STRIDE) sum += data[i]
      values += Math.ceil(data.length / STRIDE)
      if (pauseMs > 0) Atomics.wait(never, 0, 0, pauseMs)
    },
    end() {
      console.log(JSON.stringify({ batches, items, mean: sum / values }))
    },
  }
}
