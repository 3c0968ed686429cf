import { MediaError } from '../base/errors.ts'

/** The kinds of objects that hold FFmpeg's memory. */
export type HandleKind =
  | 'Demuxer'
  | 'Decoder'
  | 'Frames'
  | 'FilterGraph'
  | 'BitstreamFilter'
  | 'Encoder'
  | 'Muxer'

const open = new Map<HandleKind, number>()
const forgotten = new FinalizationRegistry<HandleKind>((kind) => count(kind, -1))

/**
 * An object's hold on FFmpeg's memory: `open`, then `closed` by `close()`, once. Each method calls
 * `check()` first, so that use after the end is an error and never a crash.
 */
export class Handle {
  readonly #kind: HandleKind
  #free: (() => void) | undefined

  constructor(kind: HandleKind, free: () => void) {
    this.#kind = kind
    this.#free = free
    count(kind, 1)
    forgotten.register(this, kind, this)
  }

  get isOpen(): boolean {
    return this.#free !== undefined
  }

  /** @throws MediaError `ERR_BAD_STATE` after `close()` */
  check(): void {
    if (this.#free === undefined) {
      throw new MediaError(
        'ERR_BAD_STATE',
        `this ${this.#kind} was disposed of and cannot be used any more`,
      )
    }
  }

  /** Frees the memory. It may be called again. */
  close(): void {
    const free = this.#free
    if (free === undefined) return
    this.#free = undefined
    forgotten.unregister(this)
    count(this.#kind, -1)
    free()
  }
}

/**
 * Number of objects of the chain that this thread has not disposed of, by kind; kinds without
 * objects are left out. Garbage collection frees forgotten objects, which count until then. Use it
 * for leak checks in tests.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { Frames, openHandles } from '@spindle/io/media'
 *
 * const frames = Frames.fromVideo({ data: new Uint8Array(48), dtype: 'uint8', shape: [1, 4, 4, 3] }, { frameRate: 25 })
 * assert.deepEqual(openHandles(), { Frames: 1 })
 * frames[Symbol.dispose]()
 * assert.deepEqual(openHandles(), {})
 * ```
 */
export function openHandles(): Partial<Record<HandleKind, number>> {
  return Object.fromEntries(open)
}

function count(kind: HandleKind, change: 1 | -1): void {
  const left = (open.get(kind) ?? 0) + change
  if (left === 0) open.delete(kind)
  else open.set(kind, left)
}
