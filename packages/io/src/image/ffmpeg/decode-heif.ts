import type { Frame } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import { type FFmpeg, formatName } from '../../ffmpeg/library.ts'
import type { AvPixelFormat } from '../../ffmpeg/scalers.ts'
import type { CodedPicture, HeifPicture } from '../formats/heif.ts'
import { withHeifColours } from './colours.ts'
import type { MadeFrames } from './made-frames.ts'
import type { Tools } from './tools.ts'

type Use = (frame: Frame) => void

/**
 * Decodes the picture of an AVIF or HEIC file. The frame is valid during the call of `use`. It has
 * alpha only if `isWanted` is set.
 */
export function useHeifFrame(
  picture: HeifPicture,
  isAlphaWanted: boolean,
  tools: Tools,
  use: Use,
): void {
  const { alpha, colours } = picture
  if (!isAlphaWanted || alpha === undefined) {
    useCoded(picture, tools, (frame) => withHeifColours(tools, frame, colours, use))
    return
  }
  const { ffmpeg, scalers, made } = tools
  const { constants: c } = ffmpeg
  const { width, height } = picture.size
  const scaled = (format: AvPixelFormat, of: Frame): Buffer => {
    scalers.describeColours(of)
    return scalers.scale(of, format, { width, height }, 'bilinear').planes[0]!
  }
  let pixels = Buffer.alloc(0)
  useCoded(picture, tools, (frame) =>
    withHeifColours(tools, frame, colours, (right) => {
      pixels = Buffer.from(scaled(c.AV_PIX_FMT_RGBA, right))
    }),
  )
  useCoded(alpha, tools, (frame) =>
    withHeifColours(tools, frame, undefined, (right) => {
      const opacity = scaled(c.AV_PIX_FMT_GRAY8, right)
      for (let i = 0; i < width * height; i++) pixels[4 * i + 3] = opacity[i]!
    }),
  )
  made.use(pixels, picture.size, c.AV_PIX_FMT_RGBA, use)
}

/** Decodes and joins tiles; a single tile of the right size is used as it is. */
function useCoded(picture: CodedPicture, { ffmpeg, decoders, made }: Tools, use: Use): void {
  const { codec, size, columns, tiles, config } = picture
  const format = codec === 'av01' ? 'avif' : 'heic'
  let joined: JoinedTiles | undefined
  for (const [i, tile] of tiles.entries()) {
    const frame = decoders.first({ format, lowres: 0 }, tile, { extraData: config })
    if (tiles.length === 1 && frame.width === size.width && frame.height === size.height) {
      use(frame)
      return
    }
    joined ??= new JoinedTiles(ffmpeg, frame, picture)
    joined.add(frame, i % columns, Math.floor(i / columns))
  }
  joined!.use(made, use)
}

/** A plane of a frame: the number of columns and rows of the picture that share a sample. */
interface PlaneShape {
  readonly across: number
  readonly down: number
}

/** Planes in which tiles of one size are joined. */
class JoinedTiles {
  readonly #picture: CodedPicture
  readonly #tile: {
    readonly width: number
    readonly height: number
    readonly format: Frame['format']
  }
  readonly #colours: Pick<Frame, 'colorSpace' | 'colorRange' | 'colorPrimaries'>
  readonly #bytes: number
  readonly #shapes: readonly PlaneShape[]
  readonly #planes: readonly Buffer[]

  constructor(
    ffmpeg: FFmpeg,
    { width, height, format, colorSpace, colorRange, colorPrimaries }: Frame,
    picture: CodedPicture,
  ) {
    const { size, left, top, columns, rows } = picture
    if (columns * width < left + size.width || rows * height < top + size.height)
      throw new Error('the tiles of the HEIF picture do not cover it')
    if ((columns - 1) * width >= left + size.width || (rows - 1) * height >= top + size.height)
      throw new Error('the HEIF picture has more tiles than it shows')
    this.#picture = picture
    this.#tile = { width, height, format }
    this.#colours = { colorSpace, colorRange, colorPrimaries }
    const { bytes, shapes } = layoutOf(ffmpeg, format)
    this.#bytes = bytes
    this.#shapes = shapes
    this.#planes = shapes.map(({ across, down }) =>
      Buffer.alloc(Math.ceil(size.width / across) * Math.ceil(size.height / down) * bytes),
    )
  }

  /** Copies the part of a tile that is in the picture. */
  add(frame: Frame, column: number, row: number): void {
    const { width, height, format } = this.#tile
    if (frame.width !== width || frame.height !== height || frame.format !== format)
      throw new Error('the tiles of the HEIF picture differ in size or kind')
    const { size, left, top } = this.#picture
    for (const [i, { across, down }] of this.#shapes.entries()) {
      const plane = { width: Math.ceil(size.width / across), height: Math.ceil(size.height / down) }
      // Position of the tile in the plane. Its part before the beginning of the plane is dropped.
      const x = Math.floor((column * width - left) / across)
      const y = Math.floor((row * height - top) / down)
      const [skipX, skipY] = [Math.max(0, -x), Math.max(0, -y)]
      const copied = Math.min(Math.ceil(width / across), plane.width - x) - skipX
      const [from, stride, to, bytes] = [
        frame.data![i]!,
        frame.linesize[i]!,
        this.#planes[i]!,
        this.#bytes,
      ]
      if (copied <= 0) continue
      for (let line = skipY; line < Math.ceil(height / down) && y + line < plane.height; line++) {
        const at = line * stride + skipX * bytes
        from.copy(to, ((y + line) * plane.width + x + skipX) * bytes, at, at + copied * bytes)
      }
    }
  }

  use(made: MadeFrames, use: Use): void {
    const { size } = this.#picture
    const format = this.#tile.format as AvPixelFormat
    made.use(Buffer.concat(this.#planes), size, format, (whole) =>
      use(Object.assign(whole, this.#colours)),
    )
  }
}

/**
 * The planes of the formats that AV1 and HEVC decoders give: grey, YCbCr and RGB, of 8 bits or
 * more.
 */
function layoutOf(
  ffmpeg: FFmpeg,
  format: Frame['format'],
): { bytes: number; shapes: PlaneShape[] } {
  const name = formatName(ffmpeg, { format })
  const parts = /^(?:gray|gbrp|yuvj?(4\d\d)p)(\d+)?(?:le)?$/.exec(name)
  if (parts === null) throw new MediaError('ERR_UNSUPPORTED', `tiles of the pixel format ${name}`)
  const whole = { across: 1, down: 1 }
  const chroma = {
    across: parts[1] === '444' || parts[1] === undefined ? 1 : 2,
    down: parts[1] === '420' ? 2 : 1,
  }
  return {
    bytes: Number(parts[2] ?? 8) > 8 ? 2 : 1,
    shapes: name.startsWith('gray') ? [whole] : [whole, chroma, chroma],
  }
}
