// Ops that the benchmarks run in worker threads.
import { loadImageSync } from '@spindle/io/sync'

export function load(path) {
  return loadImageSync(path, { width: 99, height: 99 })
}
