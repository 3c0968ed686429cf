import { AsyncLocalStorage } from 'node:async_hooks'
import { isMainThread as isFirstThread, workerData } from 'node:worker_threads'
import { InfrastructureError } from '../../errors.ts'
import { isOwnFile, toPath } from '../../file-place.ts'
import { sourceOf } from './typescript.ts'

// Workers may start workers: a pipeline in a worker has its own pools and regions. But a module
// that starts workers for itself whenever it is loaded would do so without end, because each worker
// loads it again. So a worker knows for which modules it and its ancestors were started. It refuses
// to start workers for one of them in code that the loading of a module has begun, now or later.
// Other cycles are limited by the depth, and by the number of ancestors that were started for the
// same module.

/** Maximum depth of workers below the program's main thread, threads and processes together. */
const MOST_LEVELS = 5
/** Maximum number of ancestors that were started for the same module. */
const MOST_FOR_ONE_MODULE = 3

/**
 * The modules that the ancestors were started for: one list per level, outermost first. Empty in
 * threads that Spindle has not started.
 */
export type Nesting = readonly (readonly string[])[]

/** What a worker knows about itself. All copies of the package in a thread share it. */
interface WorkerState {
  /** The levels above this one; `undefined` if Spindle has not started this thread or process. */
  above: Nesting | undefined
  /** The modules that this worker was started for. */
  readonly modules: Set<string>
  /** URLs that were checked and are allowed, as long as no module is added. */
  readonly harmless: Set<string>
  /** Number of modules whose code is running now. */
  running: number
  readonly loading: AsyncLocalStorage<string>
  /** Whether code that may start workers was loaded here. */
  canStart: boolean
  refusal: InfrastructureError | undefined
  /** Tells the parent that this worker is useless. */
  onRefused: ((error: InfrastructureError, module: string) => void) | undefined
}

const KEY = Symbol.for('spindle.worker')
const place = globalThis as { [KEY]?: WorkerState }
place[KEY] ??= {
  above: isFirstThread
    ? undefined
    : (workerData as { spindleNesting?: Nesting } | null)?.spindleNesting,
  modules: new Set(),
  harmless: new Set(),
  running: 0,
  loading: new AsyncLocalStorage(),
  canStart: false,
  refusal: undefined,
  onRefused: undefined,
}
const state: WorkerState = place[KEY]

/**
 * Whether this is the program's main thread. `false` in each thread and each process that Spindle
 * has started; such a process has its own main thread, which `node:worker_threads` reports as the
 * main thread.
 */
export let isMainThread: boolean = isFirstThread && state.above === undefined

/**
 * For a process: removes the argument of {@link nestingArgument} from its arguments, before any of
 * the user's code is loaded.
 */
export function joinProcess(): void {
  const [argument] = process.argv.splice(2, 1)
  state.above = JSON.parse(argument ?? '[]') as Nesting
  isMainThread = false
}

/** The levels above and including this worker, for a thread that it starts. */
export function nestingOf(): Nesting {
  return state.above === undefined ? [] : [...state.above, [...state.modules]]
}

/** The same as an argument for a process. */
export function nestingArgument(): string {
  return JSON.stringify(nestingOf())
}

/** Sets the function that reports to the parent that this worker is useless. */
export function onRefused(report: (error: InfrastructureError, module: string) => void): void {
  state.onRefused = report
}

/** Why this worker is useless; `undefined` if it is not. */
export function refusal(): InfrastructureError | undefined {
  return state.refusal
}

/**
 * Whether Spindle has started this thread or process, so that {@link checkNesting} must be called.
 */
export function isNested(): boolean {
  return state.above !== undefined
}

/** Must be called where code that starts workers is loaded. */
export function startsWorkers(): void {
  state.canStart = true
}

/**
 * Runs a module's own code: its loading or its `init`. Asynchronous work that it begins is followed
 * too.
 */
export async function asLoading<R>(href: string, run: () => R): Promise<Awaited<R>> {
  if (state.above === undefined) return await run()
  const module = moduleName(href)
  if (!isOwnFile(toPath(module))) state.modules.add(module)
  state.harmless.clear()
  state.running++
  try {
    return await state.loading.run(module, run)
  } finally {
    // On Node 20 and 22 each promise costs 0.2 us more while this is enabled, and most modules of
    // ops cannot start workers.
    if (--state.running === 0 && !state.canStart) state.loading.disable()
  }
}

/**
 * Must be called before workers are started for these modules.
 *
 * @throws `ERR_WORKER_MODULE` if this would start workers without end; `ERR_WORKER_START` if there
 *   are too many levels.
 */
export function checkNesting(hrefs: readonly string[]): void {
  if (state.above === undefined) return
  if (state.refusal !== undefined) throw state.refusal
  const loading = state.loading.getStore()
  for (const href of hrefs) {
    if (loading === undefined && state.harmless.has(href)) continue
    const module = moduleName(href)
    const levels = [...state.above, [...state.modules]].filter((level) =>
      level.includes(module),
    ).length
    if (levels > 0 && (loading !== undefined || levels >= MOST_FOR_ONE_MODULE))
      refuse(module, loading ?? module)
    state.harmless.add(href)
  }
  const level = state.above.length + 1
  if (level < MOST_LEVELS) return
  throw new InfrastructureError(
    'ERR_WORKER_START',
    `workers are nested too deep: this one is ${level} levels below the main thread, and at most ${MOST_LEVELS} are allowed: run the ops that would start more workers on this worker's event loop`,
  )
}

function refuse(module: string, loading: string): never {
  const what =
    loading === module
      ? `${module} starts workers for its own ops when a worker loads it`
      : `${loading}, when a worker loads it, starts workers for ${module}, which already runs in this worker`
  const error = new InfrastructureError(
    'ERR_WORKER_MODULE',
    `${what}, which would never end: move the ops to a file of their own, or run the main program only \`if (isMainThread)\`, which spindle exports`,
  )
  state.refusal = error
  state.onRefused?.(error, loading)
  throw error
}

/** Identifies a module by its file, without the query of its URL. */
export function moduleName(href: string): string {
  return href.startsWith('file:') ? sourceOf(href.replace(/[?#].*$/, '')) : href
}
