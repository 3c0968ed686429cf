// Counts what runs in each thread, for `files-of-an-item.mjs`: an op of this module runs in each
// thread once, and from then on the thread answers what has run in it.
import { Session } from 'node:inspector'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

const root = fileURLToPath(new URL('..', import.meta.url))
const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

if (!isMainThread) {
  const channel = new BroadcastChannel('coverage-of-threads')
  channel.onmessage = ({ data: least }) => channel.postMessage(takeFiles(least))
  channel.unref()
}

/** The source files of which a function has run so often in this thread since the last call. */
export function takeFiles(least) {
  let files = []
  session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
    files = result
      .filter(({ url }) => /\/packages\/\w+\/src\//.test(url))
      .filter(({ functions }) =>
        functions.some(({ ranges }) => ranges.some(({ count }) => count >= least)),
      )
      .map(({ url }) => relative(root, fileURLToPath(url.split('?')[0])))
  })
  return [...new Set(files)].sort()
}

/** An op to run in a thread. */
export function double(value) {
  return value * 2
}

/** An op that holds its thread, so that other calls of it go to other threads. */
export function hold(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
