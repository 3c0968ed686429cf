import type { Frame } from 'node-av/lib'
import type { DataOf } from '../../base/array.ts'
import type { Size } from '../../base/geometry.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { Scalers } from '../../ffmpeg/scalers.ts'
import { Placer } from '../../image/ffmpeg/picture.ts'
import type { ImageTarget } from '../../image/image-options.ts'
import type { Orientation } from '../../image/orientation.ts'
import type { ImageDType } from '../../image/pixel-format.ts'
import { setTimeout } from '../../timers.ts'

const IDLE_MS = 5000

let scalers: Scalers | undefined
let idleTimer: NodeJS.Timeout | undefined

/** The scalers of this thread: kept for the next video, and freed after 5 s without one. */
function scalersOf(ffmpeg: FFmpeg): Scalers {
  scalers ??= new Scalers(ffmpeg)
  const kept = scalers
  if (idleTimer === undefined) idleTimer = setTimeout(() => kept.free(), IDLE_MS).unref()
  else idleTimer.refresh()
  return kept
}

/**
 * Scales, rotates and copies the frames of a video into places of one size, that of the first
 * frame.
 */
export class FramePlacer {
  /** Size of a frame of the result. */
  readonly output: Size
  readonly #scalers: Scalers
  /** The placer for frames of the current size. */
  readonly #placerOf: (size: Size, target: ImageTarget) => Placer
  readonly #target: ImageTarget
  #size: Size
  #placer: Placer

  constructor(ffmpeg: FFmpeg, first: Frame, target: ImageTarget, orientation: Orientation) {
    const scalers = scalersOf(ffmpeg)
    this.#scalers = scalers
    this.#placerOf = (size, one) => new Placer(ffmpeg, scalers, size, one, orientation)
    this.#size = { width: first.width, height: first.height }
    this.#placer = this.#placerOf(this.#size, target)
    this.output = this.#placer.output
    // Frames of another size, which some streams have, are fitted into that of the first.
    const mode = target.mode === 'shorter' ? 'pad' : target.mode
    this.#target = { ...target, ...this.output, mode }
  }

  /** Writes a frame to its place. */
  place(frame: Frame, out: DataOf[ImageDType]): void {
    const { width, height } = frame
    if (width !== this.#size.width || height !== this.#size.height) {
      this.#size = { width, height }
      this.#placer = this.#placerOf(this.#size, this.#target)
    }
    this.#scalers.describeColours(frame)
    this.#placer.place(frame, out)
  }

  /** Frees large frames. */
  free(): void {
    this.#scalers.recycle()
  }
}
