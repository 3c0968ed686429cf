// What other programs say of the files in this folder, written down by scripts/truth: the tests
// need none of the programs.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** Path of a file that the ffmpeg command has made: `'video/h264.mp4'`. */
export function truthFile(name: string): string {
  return fileURLToPath(new URL(`files/${name}`, import.meta.url))
}

/** Bytes of such a file. Raw pictures and samples are kept compressed. */
export function truthBytes(name: string): Buffer {
  return name.endsWith('.nut')
    ? gunzipSync(readFileSync(truthFile(`${name}.gz`)))
    : readFileSync(truthFile(name))
}

/**
 * The truth of a name: `'audio'`, `'video'`, `'media'`, `'tar'`. `madeBy` has the versions of the
 * programs.
 */
export function truthOf<T>(
  name: string,
): T & { readonly madeBy: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))
}

export function md5(bytes: ArrayBufferView): string {
  return createHash('md5')
    .update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    .digest('hex')
}

/** A hash for each picture of raw video, short enough to be kept: 48 bits. */
export function pictureHashes(bytes: Uint8Array, pictureBytes: number): string[] {
  return Array.from({ length: bytes.length / pictureBytes }, (_, i) =>
    md5(bytes.subarray(i * pictureBytes, (i + 1) * pictureBytes)).slice(0, 12),
  )
}

/**
 * Sound in a hundredth of its size: one of `EVERY` samples, and for each block of `BLOCK` samples
 * their sum with signs that look random, in which every sample counts.
 */
export interface Sketch {
  readonly count: number
  /** float32, base64. */
  readonly samples: string
  /** float64, base64. */
  readonly sums: string
}

const EVERY = 499
const BLOCK = 2048

export function sketchOf(samples: ArrayLike<number>): Sketch {
  const some = Float32Array.from(
    { length: Math.ceil(samples.length / EVERY) },
    (_, i) => samples[i * EVERY]!,
  )
  const sums = Float64Array.from({ length: Math.floor(samples.length / BLOCK) }, (_, i) =>
    signedSum(samples, i * BLOCK),
  )
  return { count: samples.length, samples: base64(some), sums: base64(sums) }
}

/**
 * How far samples are from a sketch, of `upTo` samples from the first: the largest difference of a
 * sample, and of a block by the root of its size.
 */
export function farFrom(
  samples: ArrayLike<number>,
  sketch: Sketch,
  upTo: number = samples.length,
): number {
  const some = new Float32Array(bytesOf(sketch.samples))
  const sums = new Float64Array(bytesOf(sketch.sums))
  let most = 0
  for (let i = 0; i < some.length && i * EVERY < upTo; i++)
    most = Math.max(most, Math.abs(samples[i * EVERY]! - some[i]!))
  for (let i = 0; i < sums.length && (i + 1) * BLOCK <= upTo; i++)
    most = Math.max(most, Math.abs(signedSum(samples, i * BLOCK) - sums[i]!) / Math.sqrt(BLOCK))
  return most
}

/** The same of two sketches, as far as both go. */
export function sketchesApart(a: Sketch, b: Sketch): number {
  const farthest = (
    one: Float32Array | Float64Array,
    other: Float32Array | Float64Array,
    scale: number,
  ): number => {
    let most = 0
    for (let i = 0; i < Math.min(one.length, other.length); i++)
      most = Math.max(most, Math.abs(one[i]! - other[i]!) / scale)
    return most
  }
  const [samples, sums] = [
    [a.samples, b.samples],
    [a.sums, b.sums],
  ].map((pair) => pair.map(bytesOf)) as [ArrayBuffer[], ArrayBuffer[]]
  return Math.max(
    farthest(new Float32Array(samples[0]!), new Float32Array(samples[1]!), 1),
    farthest(new Float64Array(sums[0]!), new Float64Array(sums[1]!), Math.sqrt(BLOCK)),
  )
}

/** The signs are those of a linear congruential generator that begins anew in each block. */
function signedSum(samples: ArrayLike<number>, from: number): number {
  let [sum, state] = [0, 1]
  for (let i = from; i < from + BLOCK; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    sum += state < 0 ? -samples[i]! : samples[i]!
  }
  return sum
}

function base64(array: ArrayBufferView): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64')
}

function bytesOf(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text, 'base64')).buffer
}
