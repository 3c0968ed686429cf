// What ops that run in worker threads call: the same as in '@spindle/io', at once and in this thread.
export { loadImageBatchSync, loadImageSync } from './image/load-image-sync.ts'
export type { SyncSource } from './source.ts'
