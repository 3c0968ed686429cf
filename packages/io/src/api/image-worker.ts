import { move, type StageContext } from 'spindle/worker'
import type { DataOf } from '../base/array.ts'
import { type Fault, faultOf } from '../base/errors.ts'
import { loadFFmpeg } from '../ffmpeg/library.ts'
import {
  COUNTS,
  type FilledPart,
  joinParts,
  type PartJob,
  RUNNING,
  WANTED,
} from '../image/batch/batch-part.ts'
import type { EncodeImageJob } from '../image/encode-image-options.ts'
import { encodeImageInThread } from '../image/ffmpeg/image-encoder.ts'
import {
  fill,
  type ImageJob,
  type ImageResult,
  loadImageInThread,
} from '../image/load-image-in-thread.ts'
import { bytesPer, type ImageDType, imageArray } from '../image/pixel-format.ts'
import { type Op, threadOp } from './media-function.ts'

// The ops that the pool's threads run. Faults come back as data: errors would lose their class on
// the way.

/** Loads FFmpeg, so that whoever waits for it hears whether it can be. */
export function prepare(_: undefined): Fault | undefined {
  try {
    loadFFmpeg()
    return undefined
  } catch (error) {
    return faultOf(error)
  }
}

export const load: Op<ImageJob, ImageResult> = threadOp(loadImageInThread)
export const encode: Op<EncodeImageJob, Uint8Array | undefined> = threadOp(
  encodeImageInThread,
  move,
)

export function fillPart(job: PartJob, context: StageContext): FilledPart {
  const { sources, size, target, shared, control, part, starts, isStrict, isCopied } = job
  const length = sources.length * size
  const at = (shared?.at ?? 0) + starts[part]! * size
  const memory = shared?.memory ?? context.alloc(length * bytesPer(target.dtype)).buffer
  const out = imageArray(target.dtype, at + length, memory).subarray(at) as DataOf[ImageDType]
  const errors = fill(job, out, () => part < Atomics.load(control, WANTED))
  if (isStrict && errors.length > 0) leaveOutFrom(control, part + 1)
  const faults = errors.map(({ index, error }) => ({ index, ...faultOf(error) }))
  Atomics.store(control, COUNTS + part, sources.length - faults.length)
  const isLast = Atomics.sub(control, RUNNING, 1) === 1
  if (shared === undefined) return { faults, data: out }
  const mustCopy = isLast && isCopied && Atomics.load(control, WANTED) === starts.length
  return { faults, data: mustCopy ? copyOf(job, shared, context) : undefined }
}

/**
 * Parts after the one that failed need not go on; those before may fail too, and then theirs
 * counts.
 */
function leaveOutFrom(control: Int32Array, part: number): void {
  for (let known = Atomics.load(control, WANTED); part < known; ) {
    known = Atomics.compareExchange(control, WANTED, known, part)
  }
}

function copyOf(
  { size, target, control, starts }: PartJob,
  { memory, at }: NonNullable<PartJob['shared']>,
  context: StageContext,
): DataOf[ImageDType] {
  const counts = starts.map((_, part) => Atomics.load(control, COUNTS + part))
  const { dtype } = target
  const length = counts.reduce((sum, count) => sum + count, 0) * size
  const out = imageArray(dtype, length, context.alloc(length * bytesPer(dtype)).buffer)
  const whole = imageArray(dtype, memory.byteLength / bytesPer(dtype), memory)
  joinParts(whole, at, size, starts, counts, out)
  return out
}
