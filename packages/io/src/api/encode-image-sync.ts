import type { NdArray } from '../base/array.ts'
import { badOption } from '../base/errors.ts'
import { writeBytesSync } from '../files/atomic-file.ts'
import {
  type EncodeImageOptions,
  encodingOf,
  type SaveImageOptions,
  samplesOf,
  savingOf,
} from '../image/encode-image-options.ts'
import { encodeWithFFmpeg } from '../image/ffmpeg/image-encoder.ts'

/**
 * Encodes one image in this thread, and holds it meanwhile: for ops that run in worker threads.
 * What `encodeImage` does otherwise; always with FFmpeg.
 *
 * @throws MediaError as `encodeImage`
 */
export function encodeImageSync(array: NdArray, options: EncodeImageOptions): Uint8Array {
  const encoding = encodingOf(options)
  const samples = samplesOf(array, options)
  refuseSharp(options)
  options.signal?.throwIfAborted()
  return encodeWithFFmpeg(samples, encoding)
}

/**
 * Encodes one image and writes it in this thread. What `saveImage` does otherwise; always with
 * FFmpeg. @throws MediaError as `saveImage`
 */
export function saveImageSync(
  path: string | URL,
  array: NdArray,
  options: SaveImageOptions = {},
): void {
  const saving = savingOf(path, options)
  writeBytesSync(saving.path, encodeImageSync(array, saving.options))
}

function refuseSharp({ backend }: EncodeImageOptions): void {
  if (backend === 'sharp')
    throw badOption('backend', "'ffmpeg', or left out: sharp has no synchronous calls", backend)
}
