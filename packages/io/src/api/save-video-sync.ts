import type { NdArray } from '../base/array.ts'
import { encodeVideoHere } from '../chain/video-file/encode-video-in-thread.ts'
import {
  type EncodeVideoOptions,
  type SaveVideoOptions,
  videoJob,
} from '../chain/video-file/encode-video-options.ts'
import { checkPath } from '../files/atomic-file.ts'

/**
 * Saves pictures as a video in this thread, and holds it meanwhile: for ops that run in worker
 * threads. What `saveVideo` does otherwise.
 *
 * @throws MediaError as `saveVideo`
 */
export function saveVideoSync(path: string | URL, array: NdArray, options: SaveVideoOptions): void {
  checkPath(path)
  encodeVideoHere(videoJob(array, path, options))
}

/**
 * Encodes pictures as a video in this thread; what `encodeVideo` does otherwise. @throws MediaError
 * as `encodeVideo`
 */
export function encodeVideoSync(
  array: NdArray,
  options: EncodeVideoOptions & { readonly format: string },
): Uint8Array {
  return encodeVideoHere(videoJob(array, undefined, options))!
}
