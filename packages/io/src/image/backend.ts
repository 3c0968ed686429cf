import type { ImageFormat } from './format.ts'
import type { Size } from './geometry.ts'
import type { BackendName, ImageTarget } from './options.ts'

/** What a backend is given: the whole file, and what it was recognised as. */
export interface EncodedImage {
  readonly bytes: Buffer
  readonly format: ImageFormat
}

/**
 * Gives the memory that an image is written to, `width * height * 3` elements, as soon as its size is known. Called once, and
 * only when the image has been decoded without an error.
 */
export type ClaimOutput = (size: Size) => Uint8Array

/** A library that decodes images. It need not check what it is given: `loadImage` has. */
export interface ImageBackend {
  readonly name: BackendName
  /**
   * Decodes, turns, scales and places an image in memory that it claims. Rejects with the library's own error, with a
   * `MediaError`, or with `signal.reason`; never writes after it has settled.
   */
  decode(image: EncodedImage, target: ImageTarget, claim: ClaimOutput, signal?: AbortSignal): Promise<void>
}
