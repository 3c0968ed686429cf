import {
  iterateInProcess,
  iterateInWorker,
  type RemoteOptions,
  type RemotePipeline,
  type RemotePipelineOptions,
  runPipelineInProcess,
  runPipelineInWorker,
} from 'spindle'

const loaders = import.meta.resolve('./fixtures/loaders.js')
const iterables = import.meta.resolve('./fixtures/iterables.js')

export interface Place {
  readonly name: 'a thread' | 'a process'
  run<T = number>(
    exportName: string | undefined,
    options?: RemotePipelineOptions,
  ): RemotePipeline<T>
  iterate<T = number>(exportName: string | undefined, options?: RemoteOptions): RemotePipeline<T>
}

const place = (
  name: Place['name'],
  run: typeof runPipelineInWorker,
  iterate: typeof iterateInWorker,
): Place => ({
  name,
  run: (exportName, options) => run(loaders, { ...named(exportName), ...options }),
  iterate: (exportName, options) => iterate(iterables, { ...named(exportName), ...options }),
})

const named = (name: string | undefined) => (name === undefined ? {} : { export: name })

export const inThread: Place = place('a thread', runPipelineInWorker, iterateInWorker)
export const inProcess: Place = place('a process', runPipelineInProcess, iterateInProcess)
export const places: readonly Place[] = [inThread, inProcess]

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

export type Way = 'for' | 'for await'
export const ways: readonly Way[] = ['for', 'for await']

/** The items of an iteration, or the first `limit` of them: then it is left by `break`. */
export async function take<T>(
  loader: RemotePipeline<T>,
  way: Way,
  limit = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const { given } = await takeUntil(loader, way, limit)
  return given
}

/** The same, and what was thrown. */
export async function attempt<T>(
  loader: RemotePipeline<T>,
  way: Way,
): Promise<{ readonly given: T[]; readonly error: unknown }> {
  const given: T[] = []
  try {
    await into(given, loader, way, Number.POSITIVE_INFINITY)
  } catch (error) {
    return { given, error }
  }
  return { given, error: undefined }
}

/** The same, and whether the iteration came to its end. */
export async function takeUntil<T>(
  loader: RemotePipeline<T>,
  way: Way,
  limit: number,
): Promise<{ readonly given: T[]; readonly isEnd: boolean }> {
  const given: T[] = []
  return { given, isEnd: await into(given, loader, way, limit) }
}

async function into<T>(
  given: T[],
  loader: RemotePipeline<T>,
  way: Way,
  limit: number,
): Promise<boolean> {
  if (way === 'for') {
    for (const item of loader) {
      given.push(item)
      if (given.length >= limit) return false
    }
    return true
  }
  for await (const item of loader) {
    given.push(item)
    if (given.length >= limit) return false
  }
  return true
}
