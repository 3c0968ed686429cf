import { currentCall } from 'spindle'
import type { NdArray } from '../base/array.ts'
import { MediaError } from '../base/errors.ts'
import { writeBytes } from '../files/atomic-file.ts'
import {
  type EncodeImageOptions,
  encodingOf,
  type SaveImageOptions,
  samplesOf,
  savingOf,
} from '../image/encode-image-options.ts'
import { backends } from './backends.ts'
import { imageOps } from './image-ops.ts'
import { runInPool } from './pool.ts'

/**
 * Encodes an image as JPEG, PNG or WebP, in the package's worker threads.
 *
 * `array` is uint8 of 1, 3 or 4 channels, `[H, W]`, `[H, W, C]` or with `layout: 'CHW'`
 * `[C, H, W]`; or uint16 of one, for PNG. JPEG has no alpha: a fourth channel is dropped.
 *
 * @returns the file's bytes
 * @throws MediaError `ERR_BAD_OPTION` for an array or option that breaks its rule,
 *   `ERR_BACKEND_MISSING` without a library, `ERR_ENCODE` where
 * the library cannot encode it
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeImage, loadImage } from '@spindle/io'
 *
 * const cat = await loadImage('examples/photos/cat-1.png', { width: 64, height: 48 })
 * const png = await encodeImage(cat, { format: 'png' })
 * assert.deepEqual(await loadImage(png), cat)
 * ```
 */
export async function encodeImage(
  array: NdArray,
  options: EncodeImageOptions,
): Promise<Uint8Array> {
  const caller = currentCall()
  const encoding = encodingOf(options)
  const samples = samplesOf(array, options)
  const { signal } = options
  signal?.throwIfAborted()
  const backend = await backends.get(options.backend)
  if (backend.name === 'sharp') {
    const bytes = await backend.encode(samples, encoding, caller)
    signal?.throwIfAborted()
    return bytes
  }
  const encoded = await runInPool(
    imageOps.encode,
    { samples, encoding, path: undefined },
    signal,
    caller,
  )
  if (encoded !== undefined && 'problem' in encoded)
    throw new MediaError(encoded.code, encoded.problem)
  return encoded!
}

/**
 * Encodes an image and writes it: the format follows from the name, unless it is given. The file is
 * there as a whole or not at all; one that was there before is replaced.
 *
 * @throws MediaError as `encodeImage`, and `ERR_WRITE` when the file cannot be written
 * @throws the signal's reason, when aborted
 */
export async function saveImage(
  path: string | URL,
  array: NdArray,
  options: SaveImageOptions = {},
): Promise<void> {
  const caller = currentCall()
  const saving = savingOf(path, options)
  const encoding = encodingOf(saving.options)
  const samples = samplesOf(array, saving.options)
  const { signal } = options
  signal?.throwIfAborted()
  const backend = await backends.get(options.backend)
  if (backend.name === 'sharp') {
    const bytes = await backend.encode(samples, encoding, caller)
    signal?.throwIfAborted()
    await writeBytes(saving.path, bytes)
    return
  }
  const fault = await runInPool(
    imageOps.encode,
    { samples, encoding, path: saving.path },
    signal,
    caller,
  )
  if (fault !== undefined && 'problem' in fault) {
    throw new MediaError(
      fault.code,
      fault.problem,
      fault.code === 'ERR_WRITE' ? { source: saving.path } : {},
    )
  }
}
