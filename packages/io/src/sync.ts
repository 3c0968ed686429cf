// What ops that run in worker threads call: the same as in '@spindle/io', at once and in this thread.
export { encodeImageSync, saveImageSync } from './image/encode-image-sync.ts'
export { loadImageBatchSync, loadImageSync } from './image/load-image-sync.ts'
export { probeSync } from './image/probe.ts'
export type { SyncSource } from './source.ts'
