import { SpindleError } from '../../errors.ts'
import { adopt, isThenable } from '../../user-code.ts'
import type { SourceConfig } from '../config.ts'
import { isOneShot, openSource, type Steps } from '../open-source.ts'
import { isSeekable, type Json } from '../seekable.ts'

/** A source that can begin anywhere, by whatever means. */
export interface ResumableSource {
  readonly dataset: Json
  readonly shard: { readonly rank: number; readonly worldSize: number }
  /** Begins at a position of this rank's. */
  open(position: number, epoch: number, signal: AbortSignal): Steps
}

const whole = { rank: 0, worldSize: 1 }

/** @throws `ERR_NOT_RESUMABLE` if the source cannot begin anywhere but at its start. */
export function resumableSource(config: SourceConfig): ResumableSource {
  const { source, resume } = config
  if (isSeekable(source)) {
    return {
      dataset: source.description,
      shard: source.shard ?? whole,
      open: (position, epoch, signal) =>
        openSource(source.iterateFrom(position, epoch), { signal, epoch, position }),
    }
  }
  const dataset = config.dataset ?? null
  if (Array.isArray(source) || (ArrayBuffer.isView(source) && 'length' in source)) {
    const items = source as ArrayLike<unknown>
    return {
      dataset: config.dataset ?? { kind: 'array', length: items.length },
      shard: whole,
      open: (position) => stepsFrom(items, position),
    }
  }
  if (typeof source === 'function' && resume === 'seek') {
    return {
      dataset,
      shard: whole,
      open: (position, epoch, signal) => openSource(source, { signal, epoch, position }),
    }
  }
  if (resume === 'skip' && !isOneShot(source)) {
    return {
      dataset,
      shard: whole,
      open: (position, epoch, signal) =>
        skipped(openSource(source, { signal, epoch, position: 0 }), position),
    }
  }
  throw notResumable(config)
}

function notResumable({ source, name, where }: SourceConfig): SpindleError {
  const what = isOneShot(source)
    ? 'it can be gone through only once'
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
    next: () => (next < length ? { done: false, value: items[next++] } : { done: true, value: undefined }),
  }
}

/** Throws the first `count` steps away. */
function skipped(steps: Steps, count: number): Steps {
  let left = count
  const { next } = steps
  const skip = async (): Promise<IteratorResult<unknown>> => {
    for (;;) {
      const step = await next.call(steps)
      if (step.done === true || left-- <= 0) return step
    }
  }
  return {
    next: () => {
      while (left > 0) {
        const step = next.call(steps)
        if (isThenable(step)) {
          left--
          return adopt(step as PromiseLike<IteratorResult<unknown>>).then((first) =>
            first.done === true ? first : skip(),
          )
        }
        left--
        if ((step as IteratorResult<unknown>).done === true) return step
      }
      return next.call(steps)
    },
    return: (value) => steps.return?.(value),
  }
}
