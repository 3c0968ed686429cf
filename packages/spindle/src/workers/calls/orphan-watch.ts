import { Worker } from 'node:worker_threads'

/** How often it is looked whether the parent lives, in milliseconds. */
export const EVERY_MS = 500

/**
 * The parent that has started this process: as early as possible, for it may be gone before the
 * watch begins.
 */
const parent = process.ppid

// A process hears of its parent's end on its loop, so not while an op holds it, which may be for
// ever. A thread hears it all the same. It also counts in a file: where the count stands still, the
// process as a whole does.
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
 * Has this process end soon after its parent, whatever it does. `pulse`: a file in which its life
 * can be seen.
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
  // Without it, the process still ends with its channel.
  watcher.on('error', () => {})
}
