import { messageOf, SpindleError } from '../../errors.ts'
import { adopt, isThenable } from '../../user-code.ts'
import type { SourceConfig } from '../config.ts'
import { isOneShot, openSource, type Steps } from '../flow/open-source.ts'
import { isSeekable, type Json } from '../seekable.ts'

/** A source that can start at any position, by whatever means. */
export interface ResumableSource {
  readonly dataset: Json
  readonly shard: { readonly rank: number; readonly worldSize: number }
  /** Number of positions of an epoch, if it is known. */
  readonly size: number | undefined
  /** Whether it can start at a position without reading those before it. */
  readonly canSeek: boolean
  /** Starts at a position of this rank. */
  open(position: number, epoch: number, signal: AbortSignal): Steps
}

const whole = { rank: 0, worldSize: 1 }

/**
 * Makes a source resumable. @throws `ERR_NOT_RESUMABLE` if the source can start only at its
 * beginning.
 */
export function resumableSource(config: SourceConfig): ResumableSource {
  const { source, resume } = config
  if (isSeekable(source)) {
    return {
      dataset: jsonOf(source.description, config.name),
      shard: source.shard ?? whole,
      size: source.size,
      canSeek: true,
      // A rank's next position may be after the end.
      open: (position, epoch, signal) =>
        openSource(source.iterateFrom(Math.min(position, source.size ?? position), epoch), {
          signal,
          epoch,
          position,
        }),
    }
  }
  const dataset = config.dataset ?? null
  if (Array.isArray(source) || (ArrayBuffer.isView(source) && 'length' in source)) {
    const items = source as ArrayLike<unknown>
    return {
      dataset: config.dataset ?? { kind: 'array', length: items.length },
      shard: whole,
      size: items.length,
      canSeek: true,
      open: (position) => stepsFrom(items, position),
    }
  }
  if (typeof source === 'function' && resume === 'seek') {
    return {
      dataset,
      shard: whole,
      size: undefined,
      canSeek: true,
      open: (position, epoch, signal) => openSource(source, { signal, epoch, position }),
    }
  }
  if (resume === 'skip' && !isOneShot(source)) {
    return {
      dataset,
      shard: whole,
      size: undefined,
      canSeek: false,
      open: (position, epoch, signal) =>
        skipped(openSource(source, { signal, epoch, position: 0 }), position),
    }
  }
  throw notResumable(config)
}

/**
 * Checks that a state can hold the description as JSON. @throws `ERR_BAD_SOURCE` for a bigint, a
 * circular object, or a `toJSON` that throws.
 */
function jsonOf(description: Json, name: string): Json {
  try {
    JSON.stringify(description)
    return description
  } catch (error) {
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      `\`resumable\`: the \`description\` of source "${name}" must be what JSON can say: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

function notResumable({ source, name, where }: SourceConfig): SpindleError {
  const what = isOneShot(source)
    ? 'it is an iterator, generator object or stream, which can be iterated only once'
    : typeof source === 'function'
      ? "it is a function: let it begin at `context.position` and say so by addSource(source, { resume: 'seek' }), or have what is done skipped by { resume: 'skip' }"
      : "it can begin at its start only: give a SeekableSource or an array, or have what is done skipped by addSource(source, { resume: 'skip' })"
  const place = where === undefined ? '' : ` (${where})`
  return new SpindleError(
    'ERR_NOT_RESUMABLE',
    `\`resumable\`: the source "${name}" cannot be resumed: ${what}${place}`,
  )
}

function stepsFrom(items: ArrayLike<unknown>, position: number): Steps {
  let next = position
  const { length } = items
  return {
    next: () =>
      next < length ? { done: false, value: items[next++] } : { done: true, value: undefined },
  }
}

/** Skips the first `count` steps. @throws `ERR_OTHER_STATE` if there are fewer. */
function skipped(steps: Steps, count: number): Steps {
  let left = count
  const { next } = steps
  /** Whether to return a step instead of skipping it. */
  const isWanted = ({ done }: IteratorResult<unknown>): boolean => {
    if (done === true && left > 0) throw tooShort(count - left, count)
    return left-- <= 0
  }
  const skip = async (): Promise<IteratorResult<unknown>> => {
    for (;;) {
      const step = await next.call(steps)
      if (isWanted(step)) return step
    }
  }
  return {
    next: () => {
      while (left > 0) {
        const step = next.call(steps)
        if (isThenable(step))
          return adopt(step as PromiseLike<IteratorResult<unknown>>).then((first) =>
            isWanted(first) ? first : skip(),
          )
        isWanted(step as IteratorResult<unknown>)
      }
      return next.call(steps)
    },
    return: (value) => steps.return?.(value),
  }
}

function tooShort(found: number, count: number): SpindleError {
  return new SpindleError(
    'ERR_OTHER_STATE',
    `\`state\` is of another source: it says that the first ${count} items are done, and the source has ${found}`,
  )
}
