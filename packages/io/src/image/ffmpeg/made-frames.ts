import type { Frame } from 'node-av/lib'
import type { Size } from '../../base/geometry.ts'
import { emptyFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import type { AvPixelFormat } from '../../ffmpeg/scalers.ts'

/**
 * Frames for pixels that were made here, reused. The JavaScript memory of a frame is freed only
 * when the event loop turns, which is rare in a thread that decodes file after file: a process grew
 * by 4 KB for each file.
 */
export class MadeFrames {
  readonly #ffmpeg: FFmpeg
  readonly #idle: Frame[] = []

  constructor(ffmpeg: FFmpeg) {
    this.#ffmpeg = ffmpeg
  }

  /**
   * Uses a frame with a copy of pixels: planes one after another, rows without padding. The frame
   * is valid during the call.
   */
  use<T>(
    pixels: Buffer,
    { width, height }: Size,
    format: AvPixelFormat,
    use: (frame: Frame) => T,
  ): T {
    const frame = this.take(pixels, { width, height }, format)
    try {
      return use(frame)
    } finally {
      this.giveBack(frame)
    }
  }

  /** The same, for a caller that gives the frame back itself. */
  take(pixels: Buffer, { width, height }: Size, format: AvPixelFormat): Frame {
    const frame = this.#idle.pop() ?? emptyFrame(this.#ffmpeg)
    frame.width = width
    frame.height = height
    frame.format = format
    check(this.#ffmpeg, frame.getBuffer(), 'making a frame')
    check(this.#ffmpeg, frame.fromBuffer(pixels), 'copying pixels')
    return frame
  }

  giveBack(frame: Frame): void {
    frame.unref()
    this.#idle.push(frame)
  }

  /** Frees everything. The object can be used again. */
  free(): void {
    for (const frame of this.#idle.splice(0)) frame.free()
  }
}
