import { fileURLToPath } from 'node:url'
import { type ResourceLimits, Worker } from 'node:worker_threads'
import type { WorkerSetup } from './pool/protocol.ts'
import { canStripTypes, findTsx } from './typescript.ts'

const isSource = import.meta.url.endsWith('.ts')

// Node 20 takes no .ts file for a worker, whatever loader its parent runs with. So from sources the worker starts with these lines,
// which are JavaScript and CommonJS or a module alike, and which import the entry once TypeScript can be read.
const bootstrap = `import('node:worker_threads').then(async ({ workerData }) => {
  if (workerData.tsx) (await import(workerData.tsx)).register()
  await import(workerData.entry)
})`

/** What a thread of a pool is started with. */
export interface ThreadSetup extends WorkerSetup {
  readonly control: SharedArrayBuffer
  /** Threads that its pool may have, this one included. */
  readonly poolSize: number
  /** URL of its entry. */
  readonly entry: string
}

/** Starts a thread with the pool's entry: the built file, or from TypeScript sources. */
export function startWorker(
  setup: Omit<ThreadSetup, 'entry' | 'tsx'>,
  resourceLimits: ResourceLimits | undefined,
): Worker {
  // The process's own `execArgv` is inherited as long as none is given; given, many of its flags would be refused.
  const options = { name: 'spindle', ...(resourceLimits === undefined ? {} : { resourceLimits }) }
  const file = isSource ? './pool/thread-main.ts' : './pool/thread-main.js'
  const entry = new URL(file, import.meta.url)
  const tsx = isSource && !canStripTypes() ? findTsx(fileURLToPath(entry)) : undefined
  const workerData: ThreadSetup = { ...setup, entry: entry.href, tsx }
  // `--input-type` is for a program given as text, and inherited: with it no thread can start from a file.
  return isSource || process.execArgv.some((arg) => arg.startsWith('--input-type'))
    ? new Worker(bootstrap, { ...options, workerData, eval: true })
    : new Worker(entry, { ...options, workerData })
}
