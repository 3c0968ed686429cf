/** What a backend is told when it opens a session. */
export interface SessionContext {
  /** Number of threads that one run may use, an integer >= 1. */
  readonly threads: number
  /** The providers that the caller asks for, best first. `undefined`: the backend chooses. */
  readonly providers: readonly string[] | undefined
  /** Names of the outputs that the caller wants. `undefined`: all. */
  readonly outputs: readonly string[] | undefined
}

/** What a session tells about itself, for the report. */
export interface SessionInfo {
  /** What computes: `cpu`, `cuda`, `webgpu`, … */
  readonly provider?: string
  /** Sentences for the report, for example that a provider was not found. */
  readonly notes?: readonly string[]
}

/** An open model in a worker. `I`: an item's input, `R`: an item's result. */
export interface ModelSession<in I, out R> extends SessionInfo {
  /**
   * Runs the model for a batch. Returns one result for each item, in their order. Calls do not
   * overlap. If it throws and the batch has several items, it is called again with each half, until
   * the item is found that fails alone.
   *
   * @param signal aborted when nobody waits for the batch any more
   */
  run(batch: readonly I[], signal: AbortSignal): readonly R[] | PromiseLike<readonly R[]>
}

/** Opens a session in a worker. */
export type OpenSession<S, I, R> = (
  settings: S,
  context: SessionContext,
) => ModelSession<I, R> | PromiseLike<ModelSession<I, R>>

/**
 * Declares how a worker opens a model of any kind. Export it from a module and give it to `model()`
 * by reference: workers import that module. The function itself is returned.
 *
 * @example
 * ```ts
 * // rank.ts
 * export const ranker = defineBackend(async (settings: { path: string }, { threads }) => {
 *   const ranker = await loadRanker(settings.path, { threads })
 *   return { run: (texts: readonly string[]) => texts.map((text) => ranker.score(text)) }
 * })
 * // main.ts
 * const backends = workerModule<typeof import('./rank.ts')>(import.meta.resolve('./rank.js'))
 * pipeline.pipe(model(backends.ranker, { settings: { path: 'ranker.bin' } }))
 * ```
 */
export function defineBackend<S, I, R>(open: OpenSession<S, I, R>): OpenSession<S, I, R> {
  return open
}
