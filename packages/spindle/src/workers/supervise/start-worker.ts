import { fileURLToPath } from 'node:url'
import { type ResourceLimits, type Transferable, Worker } from 'node:worker_threads'
import { nestingOf } from './nesting.ts'
import { canStripTypes, findTsx } from './typescript.ts'

const isSource = import.meta.url.endsWith('.ts')

// Node 20 takes no .ts file for a worker, whatever loader its parent runs with. So from sources the
// worker starts with these lines, which are JavaScript and CommonJS or a module alike, and which
// import the entry once TypeScript can be read.
const bootstrap = `import('node:worker_threads').then(async ({ workerData }) => {
  if (workerData.tsx) (await import(workerData.tsx)).register()
  await import(workerData.entry)
})`

/**
 * What a thread that runs one of the package's own files needs: URLs of its entry and, from sources
 * where Node cannot read them, of tsx.
 */
export interface EntrySetup {
  readonly entry: string
  readonly tsx: string | undefined
}

/**
 * Starts a thread with a file of this package, given as its `.js`: the built one, or from
 * TypeScript sources.
 */
export function startThread(
  href: string,
  setup: object,
  options: {
    readonly resourceLimits?: ResourceLimits | undefined
    readonly transferList?: Transferable[] | undefined
    /**
     * Whether it needs nothing of the program's: none of the modules that `--import` and the like
     * load first, none of its environment.
     */
    readonly isBare?: boolean
  } = {},
): Worker {
  const { resourceLimits, transferList = [], isBare = false } = options
  const entrySetup = entryOf(href)
  // The process's own `execArgv` is inherited as long as none is given; given, many of its flags
  // would be refused.
  const workerOptions = {
    name: 'spindle',
    workerData: { ...setup, ...entrySetup, ...(isBare ? {} : { spindleNesting: nestingOf() }) },
    transferList,
    ...(resourceLimits === undefined ? {} : { resourceLimits }),
    ...(isBare ? { execArgv: [], ...(isSource ? {} : { env: {} }) } : {}),
  }
  // `--input-type` is for a program given as text, and inherited: with it no thread can start from
  // a file.
  return isSource || (!isBare && process.execArgv.some((arg) => arg.startsWith('--input-type')))
    ? new Worker(bootstrap, { ...workerOptions, eval: true })
    : new Worker(new URL(entrySetup.entry), workerOptions)
}

/** The file that a URL of this package with `.js` means, and whether it needs tsx. */
export function entryOf(href: string): EntrySetup {
  if (!isSource) return { entry: href, tsx: undefined }
  const entry = href.replace(/js$/, 'ts')
  return { entry, tsx: canStripTypes() ? undefined : findTsx(fileURLToPath(entry)) }
}
