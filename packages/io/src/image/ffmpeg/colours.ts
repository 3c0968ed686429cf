import type { Frame } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import { formatName } from '../../ffmpeg/library.ts'
import { UNKNOWN_MATRICES } from '../../ffmpeg/scalers.ts'
import type { HeifColours } from '../formats/heif.ts'
import type { Tools } from './tools.ts'

type Use = (frame: Frame) => void

/** Those, and what of HEIF is resolved before, where it can be. */
const UNKNOWN: ReadonlyMap<number, string> = new Map([
  ...UNKNOWN_MATRICES,
  [12, 'chromaticity-derived'],
])

/** Of those, what libheif, which sharp brings, knows. */
const KNOWN_TO_SHARP: ReadonlySet<number> = new Set([8, 12, 16])

/** The matrix that follows from primaries, where one is derived from them. */
const DERIVED: ReadonlyMap<number, number> = new Map([
  [1, 1],
  [2, 1],
  [5, 6],
  [6, 6],
  [7, 7],
  [9, 9],
])

/** @throws MediaError `ERR_UNSUPPORTED` for a matrix that sharp's libheif takes for another */
export function refuseMatrixForSharp(matrix: number): void {
  const name = UNKNOWN.get(matrix)
  if (name !== undefined && !KNOWN_TO_SHARP.has(matrix)) throw unsupported(matrix, name)
}

function unsupported(matrix: number, name: string): MediaError {
  const wayOut = KNOWN_TO_SHARP.has(matrix)
    ? 'the sharp backend reads it'
    : 'convert it, for example with avifdec and avifenc'
  return new MediaError(
    'ERR_UNSUPPORTED',
    `colours as ${name} (matrix ${matrix} of H.273); ${wayOut}`,
  )
}

/**
 * Uses a frame of an AVIF or HEIC picture in terms that FFmpeg's scaler understands. What the file
 * says of colours counts before what the coded picture says. Grey of limited range becomes grey of
 * full range, for the scaler takes all grey for that.
 *
 * @throws MediaError `ERR_UNSUPPORTED` for colours that it does not know
 */
export function withHeifColours(
  { ffmpeg, made }: Pick<Tools, 'ffmpeg' | 'made'>,
  frame: Frame,
  told: HeifColours | undefined,
  use: Use,
): void {
  const { constants: c } = ffmpeg
  const name = formatName(ffmpeg, frame)
  const isGrey = name.startsWith('gray')
  if (told !== undefined && !name.startsWith('gbr')) {
    frame.colorRange = told.isFullRange ? c.AVCOL_RANGE_JPEG : c.AVCOL_RANGE_MPEG
    if (told.matrix !== c.AVCOL_SPC_UNSPECIFIED)
      frame.colorSpace = told.matrix as typeof frame.colorSpace
  }
  if (isGrey) frame.colorSpace = c.AVCOL_SPC_UNSPECIFIED // grey is grey by any matrix
  if (!isGrey && frame.colorSpace === c.AVCOL_SPC_CHROMA_DERIVED_NCL) {
    const derived = DERIVED.get(told?.primaries ?? frame.colorPrimaries)
    if (derived !== undefined) frame.colorSpace = derived as typeof frame.colorSpace
  }
  const unknown = isGrey ? undefined : UNKNOWN.get(frame.colorSpace)
  if (unknown !== undefined) throw unsupported(frame.colorSpace, unknown)
  if (!isGrey || frame.colorRange !== c.AVCOL_RANGE_MPEG) {
    use(frame)
    return
  }
  const bits = Number(/^gray(\d+)/.exec(name)?.[1] ?? 8)
  const format = bits > 8 ? c.AV_PIX_FMT_GRAY16LE : c.AV_PIX_FMT_GRAY8
  made.use(widenedGrey(frame, bits), frame, format, use)
}

/** Grey of limited range, 16 to 235 of 8 bits, as that of full range; of more bits, as 16. */
function widenedGrey(frame: Frame, bits: number): Buffer {
  const { width, height } = frame
  const isWide = bits > 8
  const [black, white] = [16 << (bits - 8), 235 << (bits - 8)]
  const max = isWide ? 65535 : 255
  const table = Uint16Array.from({ length: 1 << bits }, (_, value) =>
    Math.max(0, Math.min(max, Math.round(((value - black) * max) / (white - black)))),
  )
  const plane = frame.data![0]!
  const stride = frame.linesize[0]!
  const out = Buffer.allocUnsafe(width * height * (isWide ? 2 : 1))
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = y * stride; x < width; x++) {
      if (isWide) to = out.writeUInt16LE(table[plane.readUInt16LE(from + 2 * x)]!, to)
      else out[to++] = table[plane[from + x]!]!
    }
  }
  return out
}

/**
 * Uses the planes of a JPEG that FFmpeg took for YCC as what they are: red, green and blue, of
 * which some may have fewer samples. So that those lie where they belong, whole groups of pixels
 * are scaled, and what is beyond the picture is left out; the decoder's memory has room for them.
 */
export function withRgbPlanes({ ffmpeg, scalers, made }: Tools, frame: Frame, use: Use): void {
  const { constants: c } = ffmpeg
  const { width, height } = frame
  scalers.describeColours(frame)
  const across = formatName(ffmpeg, frame).includes('411') ? 4 : 2
  const size = { width: Math.ceil(width / across) * across, height: Math.ceil(height / 2) * 2 }
  frame.width = size.width
  frame.height = size.height
  const { planes } = scalers.scale(frame, c.AV_PIX_FMT_YUV444P, size, 'bilinear')
  const joined = Buffer.allocUnsafe(3 * width * height)
  // In FFmpeg's order: green, blue, red.
  for (const [i, plane] of [1, 2, 0].entries())
    for (let y = 0; y < height; y++)
      planes[plane]!.copy(joined, (i * height + y) * width, y * size.width, y * size.width + width)
  made.use(joined, { width, height }, c.AV_PIX_FMT_GBRP, use)
}
