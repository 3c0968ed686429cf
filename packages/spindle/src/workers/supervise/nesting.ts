import { AsyncLocalStorage } from 'node:async_hooks'
import { isMainThread as isFirstThread, workerData } from 'node:worker_threads'
import { InfrastructureError } from '../../errors.ts'
import { isOwnFile, toPath } from '../../file-place.ts'
import { sourceOf } from './typescript.ts'

// Workers may start workers: a pipeline in a worker has pools and regions of its own. What must not
// be is a module that starts workers for itself whenever it is loaded, for each of them loads it.
// So a worker knows which modules it and those above it were started for, and refuses to start
// workers for one of them in what the loading of a module has begun, now or later. Whatever else
// goes round is ended by the depth, and by the number of times that one module may be among those
// above.

/** Levels of workers below the program's main thread, threads and processes together. */
const MOST_LEVELS = 5
/** Levels of workers that may have been started for the same module. */
const MOST_FOR_ONE_MODULE = 3

/**
 * The modules that the workers above were started for, a list a level, outermost first. Empty where
 * Spindle has started nobody.
 */
export type Nesting = readonly (readonly string[])[]

/** What a worker knows of itself. One for all copies of the package in a thread. */
interface WorkerState {
  /**
   * The levels above this one; `undefined` where Spindle has not started this thread or process.
   */
  above: Nesting | undefined
  /** What this worker was started for. */
  readonly modules: Set<string>
  /** URLs that were asked about and are no matter, as long as no module is added. */
  readonly harmless: Set<string>
  /** Modules whose own code runs now. */
  running: number
  readonly loading: AsyncLocalStorage<string>
  /** What may start workers has been loaded here. */
  canStart: boolean
  refusal: InfrastructureError | undefined
  /** Tells those who have started this worker, which is of no use any more. */
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
 * Whether this is the program's main thread: `false` in each thread, and in each process that
 * Spindle has started, which has a main thread of its own that `node:worker_threads` takes for the
 * program's.
 */
export let isMainThread: boolean = isFirstThread && state.above === undefined

/**
 * In a process: takes what {@link nestingArgument} has given out of its arguments, before anything
 * of the user's is loaded.
 */
export function joinProcess(): void {
  const [argument] = process.argv.splice(2, 1)
  state.above = JSON.parse(argument ?? '[]') as Nesting
  isMainThread = false
}

/** What a thread is told of the levels above it. */
export function nestingOf(): Nesting {
  return state.above === undefined ? [] : [...state.above, [...state.modules]]
}

/** The same as an argument of a process. */
export function nestingArgument(): string {
  return JSON.stringify(nestingOf())
}

/** Sets who is told that this worker is of no use. */
export function onRefused(tell: (error: InfrastructureError, module: string) => void): void {
  state.onRefused = tell
}

/** Why this worker is of no use, if that is so. */
export function refusal(): InfrastructureError | undefined {
  return state.refusal
}

/** Whether Spindle has started this thread or process: then {@link checkNesting} is to be asked. */
export function isNested(): boolean {
  return state.above !== undefined
}

/** To be called where something that starts workers is loaded. */
export function startsWorkers(): void {
  state.canStart = true
}

/**
 * Runs a module's own code: its loading or its `init`. What that begins is followed, also after it.
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
    // On Node 20 and 22 each promise costs 0.2 us more while this is on, and most modules of ops
    // cannot start workers.
    if (--state.running === 0 && !state.canStart) state.loading.disable()
  }
}

/**
 * To be asked before workers are started for these modules.
 *
 * @throws `ERR_WORKER_MODULE` if this is how workers without end begin; `ERR_WORKER_START` if there
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
    `workers are nested too deep: this one is on level ${level} below the program's main thread, and ${MOST_LEVELS} levels are the most; run the ops that would start more on this worker's own loop`,
  )
}

function refuse(module: string, loading: string): never {
  const what =
    loading === module
      ? `${module} starts workers for its own ops when a worker loads it`
      : `${loading}, when a worker loads it, starts workers for ${module}, which they are started for already`
  const error = new InfrastructureError(
    'ERR_WORKER_MODULE',
    `${what}, and so without end: move the ops to a file of their own, or run main only \`if (isMainThread)\`, which spindle exports`,
  )
  state.refusal = error
  state.onRefused?.(error, loading)
  throw error
}

/** A module by the file that it is, whatever its URL asks of it. */
export function moduleName(href: string): string {
  return href.startsWith('file:') ? sourceOf(href.replace(/[?#].*$/, '')) : href
}
