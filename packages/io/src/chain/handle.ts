import { MediaError } from '../base/errors.ts'

/** What is held of FFmpeg's memory by each kind of object. */
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
 * The hold that an object has on FFmpeg's memory: there, or given back. `open -> closed`, by
 * `close()`, once. Whoever uses the object asks `check()` first, so that use after the end is an
 * error and never a crash.
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

  /** Frees what is held. May be called again. */
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
 * How many objects of the chain this thread has not disposed of, by kind; kinds of which there are
 * none are left out. What is forgotten instead of disposed of is freed when garbage is collected,
 * and counts until then: for leak checks in tests.
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
