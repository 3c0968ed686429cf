import type { Frame } from 'node-av/lib'
import type { DataOf } from '../../base/array.ts'
import { type Placement, placeScaled, type Size, scaledSize } from '../../base/geometry.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { type AvPixelFormat, Scalers } from '../../ffmpeg/scalers.ts'
import {
  channelOrder,
  interleavedFormat,
  pictureOf,
  planarFormat,
} from '../../image/ffmpeg/picture.ts'
import type { ImageTarget } from '../../image/image-options.ts'
import { isQuarterTurn, type Orientation } from '../../image/orientation.ts'
import { channelsOf, type ImageDType } from '../../image/pixel-format.ts'
import { placePicture } from '../../image/place.ts'
import { setTimeout } from '../../timers.ts'

const IDLE_MS = 5000

let scalers: Scalers | undefined
let idleTimer: NodeJS.Timeout | undefined

/**
 * The scalers of this thread: kept from one video to the next, and freed when there was none for 5
 * s.
 */
function scalersOf(ffmpeg: FFmpeg): Scalers {
  scalers ??= new Scalers(ffmpeg)
  const kept = scalers
  if (idleTimer === undefined) idleTimer = setTimeout(() => kept.free(), IDLE_MS).unref()
  else idleTimer.refresh()
  return kept
}

/** How frames of one size come into the output. */
interface Way {
  readonly scaled: Size
  readonly placement: Placement
}

/** Scales, turns and copies the frames of a video into places of one size, that of the first. */
export class FramePlacer {
  /** Size of a frame of the result. */
  readonly output: Size
  readonly #target: ImageTarget
  readonly #orientation: Orientation
  readonly #scalers: Scalers
  readonly #planar: AvPixelFormat
  readonly #interleaved: AvPixelFormat | undefined
  readonly #order: readonly number[] | undefined
  #size: Size
  #way: Way

  constructor(ffmpeg: FFmpeg, first: Frame, target: ImageTarget, orientation: Orientation) {
    this.#scalers = scalersOf(ffmpeg)
    this.#orientation = orientation
    const { pixelFormat, layout, affine } = target
    this.#planar = planarFormat(ffmpeg, pixelFormat)
    const isCopied = layout === 'HWC' && orientation === 1 && affine === undefined
    this.#interleaved = isCopied ? interleavedFormat(ffmpeg, pixelFormat) : undefined
    this.#order = this.#interleaved === undefined ? channelOrder(pixelFormat) : undefined
    this.#size = { width: first.width, height: first.height }
    this.#target = target
    this.#way = this.#wayOf(this.#size)
    this.output = this.#way.placement.output
    // Frames of another size, which some streams have, are fitted into the place of the first.
    this.#target = {
      ...target,
      ...this.output,
      mode: target.mode === 'shorter' ? 'pad' : target.mode,
    }
  }

  /** Puts a frame into its place. */
  place(frame: Frame, out: DataOf[ImageDType]): void {
    const { width, height } = frame
    if (width !== this.#size.width || height !== this.#size.height) {
      this.#size = { width, height }
      this.#way = this.#wayOf(this.#size)
    }
    const { scaled, placement } = this.#way
    const { pixelFormat, algorithm } = this.#target
    this.#scalers.describeColours(frame)
    const stored = turn(scaled, this.#orientation)
    let made = this.#scalers.scale(frame, this.#planar, stored, algorithm)
    if (this.#interleaved !== undefined) {
      made = this.#scalers.scale(made.frame, this.#interleaved, stored, 'bilinear')
    }
    const picture = pictureOf(made, pixelFormat, this.#order)
    placePicture(picture, this.#orientation, placement, this.#target, out)
  }

  /** Lets go of frames that are large. */
  free(): void {
    this.#scalers.recycle()
  }

  #wayOf(size: Size): Way {
    const isYuv = channelsOf(this.#target.pixelFormat) === undefined
    const scaled = even(scaledSize(turn(size, this.#orientation), this.#target), isYuv)
    return { scaled, placement: placeScaled(scaled, this.#target, isYuv) }
  }
}

function even(size: Size, isYuv: boolean): Size {
  if (!isYuv) return size
  return { width: Math.max(2, size.width & ~1), height: Math.max(2, size.height & ~1) }
}

function turn({ width, height }: Size, orientation: Orientation): Size {
  return isQuarterTurn(orientation) ? { width: height, height: width } : { width, height }
}
