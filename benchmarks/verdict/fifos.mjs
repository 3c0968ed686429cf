// Writes to FIFOs: whoever opens one for reading waits 10 ms for its end.
import { open } from 'node:fs/promises'

async function serve(path) {
  for (;;) {
    const file = await open(path, 'w')
    await new Promise((resolve) => setTimeout(resolve, 10))
    await file.write('x').catch(() => {}) // The reader has gone.
    await file.close()
  }
}

for (const path of process.argv.slice(2)) void serve(path)
process.on('disconnect', () => process.exit())
process.send('ready')
