import { fileURLToPath } from 'node:url'
import { type ResourceLimits, type Transferable, Worker } from 'node:worker_threads'
import { ownUrl } from '../../file-place.ts'
import { warnedCell } from '../../shared-warning.ts'
import { checkBundled } from './bundled.ts'
import { nestingOf } from './nesting.ts'
import { canStripTypes, findTsx } from './typescript.ts'

const isSource = ownUrl.endsWith('.ts')

// Node 20 accepts no .ts file as a worker, whatever loader its parent runs with. So with TypeScript
// sources a worker starts with these lines, which are valid as CommonJS and as a module, and which
// import the entry when TypeScript can be read.
const bootstrap = `import('node:worker_threads').then(async ({ workerData }) => {
  if (workerData.tsx) (await import(workerData.tsx)).register()
  await import(workerData.entry)
})`

/**
 * What a thread needs to run a file of the package: the URL of the entry and, from sources that
 * Node cannot read itself, of tsx.
 */
export interface EntrySetup {
  readonly entry: string
  readonly tsx: string | undefined
}

/**
 * Starts a thread with a file of this package, given as its `.js`: the built file, or one from
 * TypeScript sources.
 */
export function startThread(
  href: string,
  setup: object,
  options: {
    readonly resourceLimits?: ResourceLimits | undefined
    readonly transferList?: Transferable[] | undefined
    /**
     * Whether it needs nothing of the program: neither the modules that `--import` and similar
     * flags load first, nor its environment.
     */
    readonly isBare?: boolean
  } = {},
): Worker {
  const { resourceLimits, transferList = [], isBare = false } = options
  const entrySetup = entryOf(href)
  // The process's own `execArgv` is inherited only if none is given. If it were given, many of its
  // flags would be refused.
  const workerOptions = {
    name: 'spindle',
    workerData: {
      ...setup,
      ...entrySetup,
      ...(isBare ? {} : { spindleNesting: nestingOf(), spindleWarned: warnedCell }),
    },
    transferList,
    ...(resourceLimits === undefined ? {} : { resourceLimits }),
    ...(isBare ? { execArgv: [], ...(isSource ? {} : { env: {} }) } : {}),
  }
  // `--input-type` is for a program given as text, and it is inherited. With it no thread can start
  // from a file.
  return isSource || (!isBare && process.execArgv.some((arg) => arg.startsWith('--input-type')))
    ? new Worker(bootstrap, { ...workerOptions, eval: true })
    : new Worker(new URL(entrySetup.entry), workerOptions)
}

/**
 * The file for a URL of this package with `.js`, and whether it needs tsx.
 *
 * @throws `ERR_WORKER_START` if the package was bundled into an application.
 */
export function entryOf(href: string): EntrySetup {
  if (!isSource) {
    checkBundled(href)
    return { entry: href, tsx: undefined }
  }
  const entry = href.replace(/js$/, 'ts')
  return { entry, tsx: canStripTypes() ? undefined : findTsx(fileURLToPath(entry)) }
}
