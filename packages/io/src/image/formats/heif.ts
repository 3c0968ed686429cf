import { MediaError } from '../../base/errors.ts'
import type { Size } from '../../base/geometry.ts'
import { isLimitedGrey } from './av1.ts'
import { HeifItems, type HeifProperty } from './heif-items.ts'

/** A coded picture, whole or in tiles of one size. */
export interface CodedPicture {
  readonly codec: 'av01' | 'hvc1'
  /** Size of the picture before it is rotated, and its position: tiles may extend beyond it. */
  readonly size: Size
  readonly left: number
  readonly top: number
  readonly columns: number
  readonly rows: number
  /** Coded data, row by row. */
  readonly tiles: readonly Buffer[]
  /** The decoder's configuration: the box `hvcC`. */
  readonly config: Buffer | undefined
}

/** The picture of an AVIF or HEIC file. */
export interface HeifPicture extends CodedPicture {
  readonly colours: HeifColours | undefined
  /** Its alpha, a grey picture. */
  readonly alpha: CodedPicture | undefined
}

/**
 * The meaning of the colour values (ITU-T H.273), if the file declares it outside the coded
 * picture.
 */
export interface HeifColours {
  readonly primaries: number
  readonly matrix: number
  readonly isFullRange: boolean
}

/** The properties of the picture of a HEIF file. */
export interface HeifFacts extends Size {
  readonly bitDepth: number
  readonly channels: number
}

/**
 * The primary picture of an AVIF or HEIC file (ISO/IEC 23008-12, 6 and 9; AV1 Image File Format
 * 1.1, 2). FFmpeg's demuxer treats HEIC as a video of one tile, and `node-av` 6.1.1 leaks the
 * memory through which it reads.
 *
 * @throws MediaError `ERR_UNSUPPORTED` if it is coded in another way
 */
export function heifPicture(file: Buffer): HeifPicture {
  return guarded(() => {
    const items = new HeifItems(file)
    const { primary } = items
    const alpha = items.referring(primary, 'auxl').find((id) => isAlpha(items.properties(id)))
    const colours = heifColours(items)
    return {
      ...codedPicture(items, primary),
      ...{ colours, alpha: alpha === undefined ? undefined : codedPicture(items, alpha) },
    }
  })
}

/**
 * The properties of the primary picture (ISO/IEC 23008-12, 6.5).
 *
 * @throws Error if they have no size
 */
export function heifFacts(file: Buffer): HeifFacts {
  return guarded(() => {
    const items = new HeifItems(file)
    const properties = items.properties(items.primary)
    const { size } = areaOf(properties)
    const pixi = bodyOf(properties, 'pixi')
    const hevc = bodyOf(properties, 'hvcC')
    const hasAlpha = items
      .referring(items.primary, 'auxl')
      .some((id) => isAlpha(items.properties(id)))
    const [channels, bitDepth] =
      pixi !== undefined
        ? [pixi[4]!, pixi[5]!]
        : [
            hevc !== undefined && (hevc[16]! & 3) === 0 ? 1 : 3,
            8 + (hevc === undefined ? 0 : hevc[17]! & 7),
          ]
    return { ...size, bitDepth, channels: channels + (hasAlpha ? 1 : 0) }
  })
}

/** The declared size of the first tile of a picture; that of the picture if it has no tiles. */
export function heifTileSize(file: Buffer): Size {
  return guarded(() => {
    const items = new HeifItems(file)
    const [tile = items.primary] =
      items.type(items.primary) === 'grid' ? items.references(items.primary, 'dimg') : []
    const ispe = bodyOf(items.properties(tile), 'ispe')
    return ispe === undefined
      ? { width: 0, height: 0 }
      : { width: ispe.readUInt32BE(4), height: ispe.readUInt32BE(8) }
  })
}

/**
 * The properties of the primary picture of an AVIF file that libvips ignores: its matrix, and grey
 * of limited range. libvips checks pictures of other kinds itself.
 */
export function colourFacts(file: Buffer): {
  readonly matrix: number
  readonly isLimitedGrey: boolean
} {
  try {
    const items = new HeifItems(file)
    const told = heifColours(items)
    const { tiles } = codedPicture(items, items.primary)
    const isLimited = isLimitedGrey(tiles[0]!) === true && told?.isFullRange !== true
    return { matrix: told?.matrix ?? UNSPECIFIED, isLimitedGrey: isLimited }
  } catch {
    return { matrix: UNSPECIFIED, isLimitedGrey: false }
  }
}

/** The unspecified matrix. */
const UNSPECIFIED = 2

/**
 * The orientation, numbered as in EXIF, from the properties of a HEIF file: `irot`, quarter turns
 * anticlockwise, then `imir`, a mirror (ISO/IEC 23008-12, 6.5.10 and 6.5.12). EXIF does not count
 * there.
 */
export function heifOrientation(file: Buffer): number | undefined {
  return guarded(() => {
    const items = new HeifItems(file)
    const properties = items.properties(items.primary)
    const turns = (bodyOf(properties, 'irot')?.[0] ?? 0) & 3
    const mirror = bodyOf(properties, 'imir')?.[0]
    const table =
      mirror === undefined ? [1, 8, 3, 6] : (mirror & 1) === 1 ? [2, 7, 4, 5] : [4, 5, 2, 7]
    return table[turns]
  })
}

function codedPicture(items: HeifItems, id: number): CodedPicture {
  const type = items.type(id)
  const properties = items.properties(id)
  if (type === 'grid') return gridOf(items, id)
  if (type === undefined) throw new Error('the HEIF file does not say what its picture is')
  const codec = type === 'hev1' ? 'hvc1' : type
  if (codec !== 'av01' && codec !== 'hvc1')
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `a HEIF picture that is stored as "${type}"; ${CONVERT}`,
    )
  const config = bodyOf(properties, 'hvcC')
  return { codec, ...areaOf(properties), columns: 1, rows: 1, tiles: [items.data(id)], config }
}

const EMPTY = Buffer.alloc(0)
const CONVERT = 'convert it, for example with heif-convert'

/** A picture that consists of tiles (ISO/IEC 23008-12, 6.6.2.3.2). */
function gridOf(items: HeifItems, id: number): CodedPicture {
  const grid = items.data(id)
  const isWide = (grid[1]! & 1) === 1
  const [rows, columns] = [1 + grid[2]!, 1 + grid[3]!]
  const [width, height] = isWide
    ? [grid.readUInt32BE(4), grid.readUInt32BE(8)]
    : [grid.readUInt16BE(4), grid.readUInt16BE(6)]
  const area = cut({ width, height }, items.properties(id))
  const parts = items.references(id, 'dimg').map((tile) => codedPicture(items, tile))
  const [first] = parts
  if (first === undefined || parts.length !== rows * columns)
    throw new Error(`the HEIF file lacks tiles: ${parts.length} of ${rows * columns}`)
  const isLikeFirst = ({ tiles, codec, config }: CodedPicture): boolean =>
    tiles.length === 1 && codec === first.codec && (config ?? EMPTY).equals(first.config ?? EMPTY)
  if (!parts.every(isLikeFirst))
    throw new MediaError('ERR_UNSUPPORTED', `a HEIF picture of tiles of several kinds; ${CONVERT}`)
  return {
    ...{ codec: first.codec, config: first.config, ...area, columns, rows },
    tiles: parts.map(({ tiles }) => tiles[0]!),
  }
}

function heifColours(items: HeifItems): HeifColours | undefined {
  const ofGrid = items.references(items.primary, 'dimg').slice(0, 1)
  for (const id of [items.primary, ...ofGrid]) {
    for (const { type, body } of items.properties(id)) {
      if (type !== 'colr' || body.toString('latin1', 0, 4) !== 'nclx' || body.length < 11) continue
      const [primaries, matrix] = [body.readUInt16BE(4), body.readUInt16BE(8)]
      return { primaries, matrix, isFullRange: (body[10]! & 0x80) !== 0 }
    }
  }
  return undefined
}

/**
 * The types of auxiliary alpha pictures: in general, and for HEVC (ISO/IEC 23008-12, 6.5.8 and
 * B.2.1).
 */
const ALPHA = ['auxiliary:alpha', 'urn:mpeg:hevc:2015:auxid:1\0']

function isAlpha(properties: readonly HeifProperty[]): boolean {
  return properties.some(
    ({ type, body }) => type === 'auxC' && ALPHA.some((name) => body.includes(name)),
  )
}

type Area = Pick<CodedPicture, 'size' | 'left' | 'top'>

/** @throws Error if the properties have no size */
function areaOf(properties: readonly HeifProperty[]): Area {
  const ispe = bodyOf(properties, 'ispe')
  if (ispe === undefined) throw new Error('the HEIF file does not say the size of its picture')
  return cut({ width: ispe.readUInt32BE(4), height: ispe.readUInt32BE(8) }, properties)
}

/**
 * The visible part of a picture. HEVC codes blocks of 8 pixels, so it is often smaller than the
 * coded picture. The clean aperture has a size, and the distance of its centre from that of the
 * picture (ISO/IEC 14496-12, 12.1.4), all as fractions.
 */
function cut({ width, height }: Size, properties: readonly HeifProperty[]): Area {
  const clap = bodyOf(properties, 'clap')
  if (clap === undefined) return { size: { width, height }, left: 0, top: 0 }
  const part = (at: number): number => clap.readInt32BE(at) / clap.readInt32BE(at + 4)
  const [wide, high] = [Math.round(part(0)), Math.round(part(8))]
  const left = Math.round(part(16) + (width - wide) / 2)
  const top = Math.round(part(24) + (height - high) / 2)
  const isInside =
    wide > 0 && high > 0 && left >= 0 && top >= 0 && left + wide <= width && top + high <= height
  if (!isInside) throw new Error('the HEIF picture shows a part that it does not have')
  return { size: { width: wide, height: high }, left, top }
}

function bodyOf(properties: readonly HeifProperty[], wanted: string): Buffer | undefined {
  return properties.find(({ type }) => type === wanted)?.body
}

function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof RangeError
      ? new Error('the HEIF file is damaged', { cause: error })
      : error
  }
}
