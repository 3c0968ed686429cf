import type { DataOf, NdArray } from '../base/array.ts'
import type { ThreadContext } from '../base/thread-context.ts'
import type { SyncSource } from '../files/source.ts'
import { checkInto } from '../image/batch/batch.ts'
import type { ImageTarget } from '../image/image-options.ts'
import { type ImageDType, imageShape, product } from '../image/pixel-format.ts'

/**
 * The data of an array to fill with so many frames. @throws MediaError `ERR_BAD_OPTION` where it
 * does not fit
 */
export function checkDestination(
  into: NdArray,
  target: ImageTarget,
  frames: readonly number[],
): DataOf[ImageDType] {
  const { pixelFormat, layout, width, height } = target
  const one = imageShape(pixelFormat, layout, { width: width!, height: height! })
  return checkInto(into, { target, shape: [...frames, ...one], size: product(one) })
}

/** Frames of a source to load, and the array to fill, if any. */
export interface VideoTask<T> {
  readonly source: SyncSource
  readonly target: T
  readonly into: DataOf[ImageDType] | undefined
}

/** So much memory, with whatever is in it. */
export type Allocate = (bytes: number) => ArrayBufferLike

/** Where frames go, and whether they are still wanted. */
export interface FramePlace {
  readonly allocate: Allocate
  /** An array to fill. */
  readonly into: DataOf[ImageDType] | undefined
  /** Throws where they are not. */
  readonly checkWanted: () => void
}

/** The place for the frames of a task. */
export function placeOf(
  { target, into }: VideoTask<{ readonly isShared: boolean }>,
  context: ThreadContext,
): FramePlace {
  const allocate = target.isShared
    ? (bytes: number) => new SharedArrayBuffer(bytes)
    : (bytes: number) => context.alloc(bytes).buffer
  return { allocate, into, checkWanted: () => context.signal.throwIfAborted() }
}
