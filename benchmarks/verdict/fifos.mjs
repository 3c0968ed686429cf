// Opens FIFOs for writing now and then, each every 10 ms on average: for so long, a thread that
// opens one for reading waits in the system. At random: it does not matter when the wait began.
import { closeSync, constants, openSync } from 'node:fs'

const paths = process.argv.slice(2)
const TICK_MS = 2
const SHARE = TICK_MS / 10

setInterval(() => {
  for (const path of paths) {
    if (Math.random() > SHARE) continue
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK))
    } catch {
      // Nobody reads it.
    }
  }
}, TICK_MS)
process.on('disconnect', () => process.exit())
process.send('ready')
