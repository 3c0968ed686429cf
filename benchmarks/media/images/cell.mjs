// The common parts of the JavaScript cells: the files, and the measuring.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const WIDTH = 224
export const HEIGHT = 224
export const BATCH = 32

export function listImages(folder) {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
}

/**
 * Runs `work(paths)`, which returns how many images it made, first on a few files to warm up, then
 * on all.
 */
export async function measure(folder, work, cpu = () => process.cpuUsage()) {
  const paths = listImages(folder)
  await work(paths.slice(0, 128))
  const [startedAt, before] = [performance.now(), cpu()]
  const images = await work(paths)
  const [seconds, after] = [(performance.now() - startedAt) / 1000, cpu()]
  const cpuSeconds = (after.user + after.system - before.user - before.system) / 1e6
  // Not maxRSS of getrusage, which also counts the process that this one was forked from.
  const rssMb = Number(readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024
  console.log(JSON.stringify({ images, seconds, cpuSeconds, rssMb }))
}
