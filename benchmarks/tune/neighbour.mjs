// A process that takes a core at times: the same seconds in each run.
import { random } from './simulator.mjs'

const rng = random(1001)
const beganAt = performance.now()
let isAtWork = false
let turnAt = beganAt + 3000

function work() {
  const now = performance.now()
  if (now >= turnAt) {
    isAtWork = !isAtWork
    turnAt += 1000 + 4000 * rng()
  }
  if (!isAtWork) {
    setTimeout(work, Math.max(1, turnAt - now))
    return
  }
  while (performance.now() < now + 20);
  setImmediate(work)
}

process.on('disconnect', () => process.exit())
work()
