// The files that threads and processes of this package start from. They are named here, and nowhere
// else, because the published package is bundled: this module then lies at the top of `dist`, as it
// lies at the top of `src`, wherever it is used from.

/** In a thread of a ThreadPool. */
export const POOL_THREAD: string = entry('workers/calls/pool-thread-main.js')
/** In a process of a ProcessPool. */
export const POOL_PROCESS: string = entry('workers/calls/pool-process-main.js')
/** In a worker of a region. */
export const REGION_WORKER: string = entry('workers/regions/inside/region-worker-main.js')
/** In the thread of a remote pipeline. */
export const REMOTE_THREAD: string = entry('workers/pipelines/inside/pipeline-thread-main.js')
/** In the process of a remote pipeline. */
export const REMOTE_PROCESS: string = entry('workers/pipelines/inside/pipeline-process-main.js')
/** In the thread between a remote pipeline's process and this one. */
export const REMOTE_BRIDGE: string = entry('workers/pipelines/bridge-main.js')
/** In the thread that watches the event loop. */
export const WATCH_THREAD: string = entry('guard/watch-thread.js')
/** The module that makes a DataLoader in its worker. */
export const WORKER_LOADER: string = entry('loader/worker-loader.js')

function entry(path: string): string {
  return new URL(path, import.meta.url).href
}
