import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sharp, { type Sharp } from 'sharp'
import {
  type BackendName,
  type ImageInfo,
  type MediaSource,
  type NdArray,
  probe,
} from '../src/index.ts'

export const BACKENDS: readonly BackendName[] = ['ffmpeg', 'sharp']
export const PHOTOS: string = fileURLToPath(new URL('../../../examples/photos/', import.meta.url))

/** One of the shipped photographs. */
export function photo(name: string): Buffer {
  return readFileSync(PHOTOS + name)
}

/** What `probe` says of an image. */
export async function probeImage(source: MediaSource): Promise<ImageInfo> {
  const info = await probe(source)
  if (info.kind !== 'image') throw new Error(`a file of kind ${info.kind}`)
  return info
}

/** RGB pixels and their size. */
export interface Pixels {
  readonly data: Buffer
  readonly width: number
  readonly height: number
}

/** The cat, as pixels. */
export async function catPixels(width: number, height: number): Promise<Pixels> {
  const data = await sharp(photo('cat-1.png')).resize(width, height).removeAlpha().raw().toBuffer()
  return { data, width, height }
}

/** Pixels as a sharp pipeline, to be saved in some format. */
export function toSharp({ data, width, height }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/** Pixels computed from their column and row. */
export function paint(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly number[],
): Pixels {
  const data = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 3)
  }
  return { data, width, height }
}

/** Likeness in decibels; Infinity when equal. 40 dB is not told apart by eye. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} elements`)
  let squares = 0
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2
  return 10 * Math.log10((255 * 255 * a.length) / squares)
}

/** Red, green and blue of a pixel of an HWC image. */
export function pixel({ data, shape }: NdArray<'uint8'>, x: number, y: number): number[] {
  const at = (y * shape[1]! + x) * 3
  return [...data.subarray(at, at + 3)]
}

/** A small generator of the same numbers each time (mulberry32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
