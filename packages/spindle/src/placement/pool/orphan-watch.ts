import { Worker } from 'node:worker_threads'

/** How often it is looked whether the parent lives, in milliseconds. */
const EVERY_MS = 500

// A process hears of its parent's end on its loop, so not while an op holds it, which may be for ever. A thread hears it all the same.
const watch = `
  const parent = process.ppid
  const isAlive = () => {
    if (process.ppid !== parent) return false
    try { return process.kill(parent, 0) } catch (error) { return error.code === 'EPERM' }
  }
  setInterval(() => { if (!isAlive()) process.kill(process.pid, 'SIGKILL') }, ${EVERY_MS})`

/** Has this process end soon after its parent, whatever it does. */
export function watchParent(): void {
  const watcher = new Worker(watch, {
    eval: true,
    name: 'spindle parent watch',
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  })
  watcher.unref()
  // Without it, the process still ends with its channel.
  watcher.on('error', () => {})
}
