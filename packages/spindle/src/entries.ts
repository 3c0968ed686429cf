// The files from which threads and processes of this package start. They are named only here,
// because the published package is bundled: this module is at the top of `dist` as it is at the top
// of `src`, whichever bundle imports it.

import { ownUrl } from './file-place.ts'

/** A thread of a `ThreadPool`. */
export const POOL_THREAD: string = entry('workers/calls/pool-thread-main.js')
/** A process of a `ProcessPool`. */
export const POOL_PROCESS: string = entry('workers/calls/pool-process-main.js')
/** A worker of a region. */
export const REGION_WORKER: string = entry('workers/regions/inside/region-worker-main.js')
/** The thread of a remote pipeline. */
export const REMOTE_THREAD: string = entry('workers/pipelines/inside/pipeline-thread-main.js')
/** The process of a remote pipeline. */
export const REMOTE_PROCESS: string = entry('workers/pipelines/inside/pipeline-process-main.js')
/** The thread between a remote pipeline's process and this one. */
export const REMOTE_BRIDGE: string = entry('workers/pipelines/bridge-main.js')
/** The thread that watches the event loop. */
export const WATCH_THREAD: string = entry('guard/watch-thread.js')
/** The module that makes a `DataLoader` in its worker. */
export const WORKER_LOADER: string = entry('loader/worker-loader.js')

/** The op of whole batches of a `DataLoader`. */
export const BATCH_JOB: string = entry('loader/fused/batch-job.js')

function entry(path: string): string {
  return ownUrl === '' ? `bundled:${path}` : new URL(path, ownUrl).href
}
