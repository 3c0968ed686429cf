import type { DType, NdArray } from '../../base/array.ts'
import { bytesOf, IS_LITTLE_ENDIAN, swapBytes } from '../../base/dtypes.ts'
import { type Routine, TURN } from '../../files/routine.ts'

/** The storage of samples: integers of a number of bits, or floating point. */
export type WavEncoding = 'pcm8' | 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'float64'

/** The encodings of a dtype; the first is the default. */
export const ENCODINGS: { readonly [D in DType]?: readonly WavEncoding[] } = {
  uint8: ['pcm8'],
  int16: ['pcm16'],
  int32: ['pcm32', 'pcm24'],
  float32: ['float32', 'float64', 'pcm8', 'pcm16', 'pcm24', 'pcm32'],
  float64: ['float64', 'float32', 'pcm8', 'pcm16', 'pcm24', 'pcm32'],
}

/** Bytes of one sample. */
export const WIDTHS: { readonly [E in WavEncoding]: number } = {
  pcm8: 1,
  pcm16: 2,
  pcm24: 3,
  pcm32: 4,
  float32: 4,
  float64: 8,
}

/** Number of samples that are converted between two turns of the loop: about a millisecond. */
const SAMPLES_PER_TURN = 1 << 18

type Source = Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array
type Target = Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array

/**
 * The bytes of samples as they are stored in the file: those of the array itself if nothing must
 * change.
 */
export function* storedSamples(
  audio: NdArray,
  channels: number,
  isPlanar: boolean,
  encoding: WavEncoding,
): Routine<Uint8Array, never> {
  const isAsIs = ENCODINGS[audio.dtype]![0] === encoding && (!isPlanar || channels === 1)
  if (isAsIs && IS_LITTLE_ENDIAN) return bytesOf(audio.data)
  const source = audio.data as Source
  const target = targetOf(encoding, source.length)
  // Interleaved samples are processed as one channel.
  const lanes = isPlanar ? channels : 1
  const frames = source.length / lanes
  const framesPerTurn = Math.ceil(SAMPLES_PER_TURN / lanes)
  const isExact = !encoding.startsWith('pcm') || ENCODINGS[audio.dtype]![0] === encoding
  for (let from = 0; from < frames; from += framesPerTurn) {
    if (from > 0) yield TURN
    const end = Math.min(frames, from + framesPerTurn)
    for (let lane = 0; lane < lanes; lane++) {
      const run = { base: lane * frames, lane, lanes, from, end }
      if (isExact) copy(source, target, run)
      else if (audio.dtype === 'int32') cut(source, target, run)
      else quantise(source, target, run, encoding)
    }
  }
  if (encoding === 'pcm24') return yield* packed(target as Int32Array)
  const bytes = bytesOf(target)
  if (!IS_LITTLE_ENDIAN) swapBytes(bytes, WIDTHS[encoding])
  return bytes
}

function targetOf(encoding: WavEncoding, length: number): Target {
  if (encoding === 'pcm8') return new Uint8Array(length)
  if (encoding === 'pcm16') return new Int16Array(length)
  if (encoding === 'float32') return new Float32Array(length)
  if (encoding === 'float64') return new Float64Array(length)
  return new Int32Array(length)
}

/**
 * Some frames of one channel: its start in the source, and its position in each frame of the
 * target.
 */
interface Run {
  readonly base: number
  readonly lane: number
  readonly lanes: number
  readonly from: number
  readonly end: number
}

function copy(source: Source, target: Target, { base, lane, lanes, from, end }: Run): void {
  for (let frame = from; frame < end; frame++) target[frame * lanes + lane] = source[base + frame]!
}

/** The upper 24 bits of 32. */
function cut(source: Source, target: Target, { base, lane, lanes, from, end }: Run): void {
  for (let frame = from; frame < end; frame++)
    target[frame * lanes + lane] = source[base + frame]! >> 8
}

/** Rounds to the nearest integer; values beyond full scale are clipped, and NaN is silence. */
function quantise(source: Source, target: Target, run: Run, encoding: WavEncoding): void {
  const { base, lane, lanes, from, end } = run
  const scale = 2 ** (WIDTHS[encoding] * 8 - 1)
  const silence = encoding === 'pcm8' ? 128 : 0
  for (let frame = from; frame < end; frame++) {
    const value = Math.round(source[base + frame]! * scale)
    const clipped = value < -scale ? -scale : value > scale - 1 ? scale - 1 : value || 0
    target[frame * lanes + lane] = clipped + silence
  }
}

/** 32 bits -> the lower 24 of them, three bytes each. */
function* packed(samples: Int32Array): Routine<Uint8Array, never> {
  const bytes = new Uint8Array(samples.length * 3)
  for (let from = 0; from < samples.length; from += SAMPLES_PER_TURN) {
    if (from > 0) yield TURN
    const end = Math.min(samples.length, from + SAMPLES_PER_TURN)
    for (let i = from, at = from * 3; i < end; i++, at += 3) {
      const sample = samples[i]!
      bytes[at] = sample
      bytes[at + 1] = sample >> 8
      bytes[at + 2] = sample >> 16
    }
  }
  return bytes
}
