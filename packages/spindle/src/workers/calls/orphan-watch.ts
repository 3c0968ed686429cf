import { Worker } from 'node:worker_threads'

/** Interval between two checks whether the parent is alive, in milliseconds. */
export const EVERY_MS = 500

/**
 * Id of the parent process. Read as early as possible, because the parent may end before the watch
 * begins.
 */
const parent = process.ppid

// A process receives its parent's end on its event loop, but an op may block that loop forever. So
// a thread watches for it. The thread also counts in a file: if the count stops, the whole process
// has stopped.
const watch = `
  const { parent, pulse } = require('node:worker_threads').workerData
  const { writeSync } = require('node:fs')
  const isAlive = () => {
    if (process.ppid !== parent) return false
    try { return process.kill(parent, 0) } catch (error) { return error.code === 'EPERM' }
  }
  const beats = new Uint32Array(1)
  setInterval(() => {
    if (!isAlive()) process.kill(process.pid, 'SIGKILL')
    beats[0]++
    if (pulse !== undefined) writeSync(pulse, new Uint8Array(beats.buffer), 0, 4, 0)
  }, ${EVERY_MS})`

/**
 * Ends this process soon after its parent, whatever it is doing. `pulse`: descriptor of a file
 * whose count shows that the process runs.
 */
export function watchParent(pulse?: number): void {
  const watcher = new Worker(watch, {
    eval: true,
    name: 'spindle parent watch',
    workerData: { parent, pulse },
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  })
  watcher.unref()
  // Without the watcher, the process still ends with its channel.
  watcher.on('error', () => {})
}
