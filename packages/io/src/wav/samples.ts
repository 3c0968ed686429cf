import type { DataOf } from '../array.ts'
import { DATA_CLASSES, IS_LITTLE_ENDIAN, swapBytes, viewAs } from '../dtypes.ts'
import { type Routine, TURN } from '../file/routine.ts'
import type { WavFormat } from './fmt.ts'
import { ALAW, MULAW } from './g711.ts'

/** Element types of samples. */
export type WavDType = 'uint8' | 'int16' | 'int32' | 'int64' | 'float32' | 'float64'

/** Samples that are converted between two turns: about a millisecond. */
const SAMPLES_PER_TURN = 1 << 19

/** The dtype in which samples are handed out when no other is asked for. */
export function nativeDType({ encoding, blockAlign, channels }: WavFormat): WavDType {
  const width = blockAlign / channels
  if (encoding === 'float') return width === 4 ? 'float32' : 'float64'
  if (encoding !== 'pcm') return 'int16'
  return width === 1 ? 'uint8' : width === 2 ? 'int16' : width === 8 ? 'int64' : 'int32'
}

/** Whether the samples lie in the file as they are handed out. */
export function liesAsIs(format: WavFormat, dtype: WavDType, isPlanar: boolean): boolean {
  const isOneBlock = !isPlanar || format.channels === 1
  return IS_LITTLE_ENDIAN && isOneBlock && !needsExpansion(format) && dtype === nativeDType(format)
}

/** A-law, mu-law and 24 bits have no typed array of their own. */
function needsExpansion({ encoding, blockAlign, channels }: WavFormat): boolean {
  return encoding === 'alaw' || encoding === 'mulaw' || blockAlign / channels === 3
}

/** The bytes of whole frames -> samples, interleaved or one channel after the other. A view where they lie as they should. */
export function* decodeSamples(
  format: WavFormat,
  bytes: Uint8Array,
  dtype: WavDType,
  isPlanar: boolean,
): Routine<DataOf[WavDType], never> {
  if (liesAsIs(format, dtype, isPlanar)) return viewAs(dtype, bytes)
  const native = needsExpansion(format) ? yield* expanded(format, bytes) : inHostOrder(format, bytes)
  const channels = isPlanar ? format.channels : 1
  if (channels === 1 && dtype === nativeDType(format)) return native
  const out = new DATA_CLASSES[dtype](native.length)
  const frames = native.length / channels
  const framesPerTurn = Math.ceil(SAMPLES_PER_TURN / channels)
  const [scale, bias] = scaleOf(native)
  for (let from = 0; from < frames; from += framesPerTurn) {
    if (from > 0) yield TURN
    const count = Math.min(framesPerTurn, frames - from)
    if (channels === 2 && native instanceof Int16Array && dtype === 'float32') {
      takeStereo(native, from, out as Float32Array, frames, count, scale)
      continue
    }
    for (let channel = 0; channel < channels; channel++) {
      const source = from * channels + channel
      const target = channel * frames + from
      if (native instanceof BigInt64Array) takeBig(native, source, channels, out, target, count, scale)
      else if (dtype === nativeDType(format))
        take(native, source, channels, out as Float32Array, target, count)
      else takeScaled(native, source, channels, out as Float32Array, target, count, scale, bias)
    }
  }
  return out
}

type Numbers = Exclude<DataOf[WavDType], BigInt64Array>

// Positions are added up, not multiplied: a third faster.
function take(from: Numbers, source: number, step: number, to: Numbers, target: number, count: number): void {
  for (let at = source, i = target; i < target + count; i++, at += step) to[i] = from[at]!
}

function takeScaled(
  from: Numbers,
  source: number,
  step: number,
  to: Float32Array,
  target: number,
  count: number,
  scale: number,
  bias: number,
): void {
  for (let at = source, i = target; i < target + count; i++, at += step) to[i] = (from[at]! - bias) * scale
}

/** The most common of all, in one pass instead of two. */
function takeStereo(
  from: Int16Array,
  first: number,
  to: Float32Array,
  frames: number,
  count: number,
  scale: number,
): void {
  for (let left = first, right = frames + first; left < first + count; left++, right++) {
    to[left] = from[2 * left]! * scale
    to[right] = from[2 * left + 1]! * scale
  }
}

function takeBig(
  from: BigInt64Array,
  source: number,
  step: number,
  to: DataOf[WavDType],
  target: number,
  count: number,
  scale: number,
): void {
  if (to instanceof BigInt64Array) for (let i = 0; i < count; i++) to[target + i] = from[source + i * step]!
  else for (let i = 0; i < count; i++) to[target + i] = Number(from[source + i * step]!) * scale
}

/** What makes -1 to 1 of integers: `(sample - bias) * scale`. */
function scaleOf(samples: DataOf[WavDType]): readonly [scale: number, bias: number] {
  if (samples instanceof Uint8Array) return [2 ** -7, 128]
  if (samples instanceof Int16Array) return [2 ** -15, 0]
  if (samples instanceof Int32Array) return [2 ** -31, 0]
  if (samples instanceof BigInt64Array) return [2 ** -63, 0]
  return [1, 0]
}

/** Samples in types of their own: 24 bits in the upper bits of 32, as libsndfile and SciPy give them; A-law and mu-law as 16 bits. */
function* expanded(format: WavFormat, bytes: Uint8Array): Routine<Int32Array | Int16Array, never> {
  const width = format.blockAlign / format.channels
  const count = bytes.byteLength / width
  const out = width === 3 ? new Int32Array(count) : new Int16Array(count)
  const table = format.encoding === 'alaw' ? ALAW : MULAW
  for (let from = 0; from < count; from += SAMPLES_PER_TURN) {
    if (from > 0) yield TURN
    const end = Math.min(count, from + SAMPLES_PER_TURN)
    if (width === 3) expand24(bytes, out, from, end)
    else for (let i = from; i < end; i++) out[i] = table[bytes[i]!]!
  }
  return out
}

function expand24(bytes: Uint8Array, out: Int32Array | Int16Array, from: number, end: number): void {
  for (let i = from, at = from * 3; i < end; i++, at += 3) {
    out[i] = (bytes[at]! << 8) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 24)
  }
}

function inHostOrder(format: WavFormat, bytes: Uint8Array): DataOf[WavDType] {
  const dtype = nativeDType(format)
  if (IS_LITTLE_ENDIAN) return viewAs(dtype, bytes)
  const copy = new Uint8Array(bytes)
  swapBytes(copy, format.blockAlign / format.channels)
  return viewAs(dtype, copy)
}
