import type { Frame, SoftwareScaleContext } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import type { Size } from '../base/geometry.ts'
import { newFrame } from './frames.ts'
import { Kept } from './kept.ts'
import { type Av, check, type FFmpeg, formatName } from './library.ts'

/** FFmpeg's number of a pixel format. */
export type AvPixelFormat = Parameters<Av['avGetPixFmtName']>[0]

/**
 * A picture in memory that belongs to FFmpeg: to be copied before the next of that format is made,
 * never kept.
 */
export interface ScaledFrame {
  readonly frame: Frame
  readonly format: AvPixelFormat
  readonly size: Size
  readonly planes: readonly Buffer[]
  readonly linesizes: readonly number[]
}

const SCALERS_KEPT = 32
const FRAMES_KEPT = 128
const FRAME_BYTES_KEPT = 16 << 20

/**
 * The scalers of one thread, 32, and the frames that they write to, up to 16 MiB of them; the least
 * recently used gives way. Making a scaler costs 0.07 ms. A frame costs as little; but the views of
 * its memory are only let go of when garbage is collected, which is seldom where so little is
 * allocated: with a new frame for each image a process grew by 300 MB before it was.
 */
export class Scalers {
  readonly #ffmpeg: FFmpeg
  readonly #isForStills: boolean
  readonly #kept = new Kept<SoftwareScaleContext>(SCALERS_KEPT, (scaler) => scaler.freeContext())
  readonly #frames = new Kept<ScaledFrame>(Infinity, (scaled) => this.#letGo(scaled))
  #frameBytes = 0
  readonly #modern: ReadonlyMap<number, AvPixelFormat>

  /**
   * With `isForStills` pictures of odd size are scaled as libjpeg has them; without, as FFmpeg's
   * own programs do.
   */
  constructor(ffmpeg: FFmpeg, isForStills = false) {
    this.#ffmpeg = ffmpeg
    this.#isForStills = isForStills
    const c = ffmpeg.constants
    this.#modern = new Map<number, AvPixelFormat>([
      [c.AV_PIX_FMT_YUVJ420P, c.AV_PIX_FMT_YUV420P],
      [c.AV_PIX_FMT_YUVJ422P, c.AV_PIX_FMT_YUV422P],
      [c.AV_PIX_FMT_YUVJ444P, c.AV_PIX_FMT_YUV444P],
      [c.AV_PIX_FMT_YUVJ440P, c.AV_PIX_FMT_YUV440P],
      [c.AV_PIX_FMT_YUVJ411P, c.AV_PIX_FMT_YUV411P],
    ])
  }

  /** Scales and converts a frame into one that is kept here. */
  scale(from: Frame, format: AvPixelFormat, size: Size, algorithm: ScaleAlgorithm): ScaledFrame {
    const to = this.#frameFor(format, size)
    const source = `${from.width}x${from.height}:${from.format}:${from.chromaLocation}`
    const key = `${source}>${size.width}x${size.height}:${format}:${algorithm}`
    check(
      this.#ffmpeg,
      this.#scalerFor(key, algorithm, from).scaleFrameSync(to.frame, from),
      'scaling',
    )
    return to
  }

  /**
   * Says in today's terms what a decoder meant, so that the scaler neither warns nor converts
   * between colour spaces, nor refuses an interlaced PNG, whose lines are not fields.
   */
  describeColours(frame: Frame): void {
    const { constants: c } = this.#ffmpeg
    refuseMatrix(frame)
    const modern = this.#modern.get(frame.format)
    if (modern !== undefined) {
      frame.format = modern
      frame.colorRange = c.AVCOL_RANGE_JPEG
    }
    frame.clearFlags(c.AV_FRAME_FLAG_INTERLACED)
    frame.colorPrimaries = c.AVCOL_PRI_UNSPECIFIED
    frame.colorTrc = c.AVCOL_TRC_UNSPECIFIED
  }

  /** A frame that something was done to, in terms of what it was. */
  describe(frame: Frame, { format, size }: ScaledFrame): ScaledFrame {
    return { frame, format, size, planes: frame.data ?? [], linesizes: frame.linesize }
  }

  /**
   * Lets go of frames where they are many or large. Those made last may be in use until this is
   * called.
   */
  recycle(): void {
    while (this.#frames.size > FRAMES_KEPT || this.#frameBytes > FRAME_BYTES_KEPT)
      this.#frames.freeOldest()
  }

  /** Frees everything. The object can be used again. */
  free(): void {
    this.#kept.clear()
    this.#frames.clear()
  }

  #letGo(scaled: ScaledFrame): void {
    this.#frameBytes -= bytesOf(scaled)
    scaled.frame.free()
  }

  #scalerFor(key: string, algorithm: ScaleAlgorithm, from: Frame): SoftwareScaleContext {
    const known = this.#kept.find(key)
    if (known !== undefined) return known
    // Not getContext(): only a context that takes everything from its frames minds their colour
    // range and matrix.
    const scaler = new this.#ffmpeg.av.SoftwareScaleContext()
    scaler.allocContext()
    // accurate_rnd, for without it libswscale converts 4:2:0 pictures of their own size by a
    // routine that leaves the last columns of a width that is no multiple of 8 unwritten.
    scaler.setOption('sws_flags', `${FLAGS[algorithm]}+accurate_rnd`)
    const places = this.#isForStills ? chromaPlaces(this.#ffmpeg, from) : []
    for (const [option, value] of places) scaler.setOption(option, value)
    return this.#kept.add(key, scaler)
  }

  #frameFor(format: AvPixelFormat, size: Size): ScaledFrame {
    const key = `${format}:${size.width}x${size.height}`
    const known = this.#frames.find(key)
    if (known !== undefined) return known
    const { width, height } = size
    const colorRange = this.#ffmpeg.constants.AVCOL_RANGE_JPEG
    const frame = newFrame(this.#ffmpeg, { width, height, format, colorRange }, 1)
    const scaled = { frame, format, size, planes: frame.data ?? [], linesizes: frame.linesize }
    this.#frameBytes += bytesOf(scaled)
    return this.#frames.add(key, scaled)
  }
}

/**
 * Where the scaler is to look for colours that two columns or rows share, if their number is odd.
 * The last sample lies half beyond the picture then; the scaler takes all of them for as wide as
 * the picture, and places the last ones half a sample off. Moved by a quarter sample (128 of 256 to
 * a pixel) they are off by a quarter at either end: 3 to 5 dB nearer to libjpeg for 500x375.
 */
function chromaPlaces(ffmpeg: FFmpeg, from: Frame): [string, number][] {
  const { constants: c } = ffmpeg
  const sharing = /^yuva?(4[0-4]\d)p/.exec(formatName(ffmpeg, from))?.[1]
  const { chromaLocation: place, width, height } = from
  const isLeft = place === c.AVCHROMA_LOC_LEFT || place === c.AVCHROMA_LOC_TOPLEFT
  const isTop = place === c.AVCHROMA_LOC_TOP || place === c.AVCHROMA_LOC_TOPLEFT
  const places: [string, number][] = []
  if (width % 2 === 1 && (sharing === '420' || sharing === '422'))
    places.push(['src_h_chr_pos', isLeft ? 128 : 256])
  if (height % 2 === 1 && (sharing === '420' || sharing === '440'))
    places.push(['src_v_chr_pos', isTop ? 128 : 256])
  return places
}

function bytesOf({ planes }: ScaledFrame): number {
  return planes.reduce((sum, plane) => sum + plane.length, 0)
}

const FLAGS: Readonly<Record<ScaleAlgorithm, string>> = {
  bilinear: 'bilinear',
  bicubic: 'bicubic',
  area: 'area',
  lanczos: 'lanczos',
  nearest: 'neighbor',
}

/**
 * How pixels between pixels are made. Where a picture becomes smaller all but `'nearest'` take the
 * mean over an area.
 */
export type ScaleAlgorithm = 'bilinear' | 'bicubic' | 'area' | 'lanczos' | 'nearest'

/**
 * Matrices of ITU-T H.273 that FFmpeg's scaler does not know: it would fail, or take the numbers
 * for something else.
 */
export const UNKNOWN_MATRICES: ReadonlyMap<number, string> = new Map([
  [8, 'YCgCo'],
  [10, 'BT.2020 with constant luminance'],
  [11, "Y'D'zD'x (SMPTE 2085)"],
  [13, 'chromaticity-derived, of constant luminance'],
  [14, 'ICtCp'],
  [15, 'IPT-C2'],
  [16, 'YCgCo-Re'],
  [17, 'YCgCo-Ro'],
])

/** Refuses colours that FFmpeg's scaler does not convert. @throws MediaError `ERR_UNSUPPORTED` */
export function refuseMatrix({ colorSpace }: Frame): void {
  const name = UNKNOWN_MATRICES.get(colorSpace)
  if (name === undefined) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `its colours are ${name}, which FFmpeg's scaler does not convert; \`decode\` gives the samples as they are, and ffmpeg's filter libplacebo converts them`,
  )
}
