// Ops that the benchmarks run in worker threads.
import { loadImageBatchSync, loadImageSync } from '@spindle/io/sync'

export function load(path) {
  return loadImageSync(path, { width: 99, height: 99 })
}

export function loadBatch(paths) {
  return loadImageBatchSync(paths, { width: 224, height: 224, mode: 'stretch', layout: 'CHW' })
}
