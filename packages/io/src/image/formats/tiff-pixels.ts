import * as zlib from 'node:zlib'
import { MediaError } from '../../base/errors.ts'
import { unpackLzw } from './lzw.ts'
import { isOldLzw, refuseTiff, TIFF, type TiffLayout } from './tiff-layout.ts'

/** Stored samples, interleaved, row by row. Samples of less than 8 bits take a byte each. */
export type TiffSamples = Uint8Array | Uint16Array

/**
 * Unpacks the samples of a TIFF picture that FFmpeg's decoder does not support (see `isForFFmpeg`):
 * tiles, planes, any order of bits, old LZW (TIFF 6.0, sections 7 to 15; BigTIFF).
 *
 * @throws MediaError `ERR_UNSUPPORTED` for features that are not supported here either
 * @throws Error if the file is damaged or truncated
 */
export function unpackTiff(bytes: Buffer, layout: TiffLayout): TiffSamples {
  refuseTiff(layout)
  const { width, height, bits, samples, isPlanar, piece, offsets, lengths, isTiled } = layout
  if (!(piece.width > 0 && piece.height > 0))
    throw new Error('the TIFF file has tiles without pixels')
  const [across, down] = [Math.ceil(width / piece.width), Math.ceil(height / piece.height)]
  const planes = isPlanar ? samples : 1
  const own = isPlanar ? 1 : samples
  if (offsets.length < across * down * planes || lengths.length < across * down * planes)
    throw new Error('the TIFF file does not say where its pixels are')
  refuseEmpty(bytes, layout, across * down * planes)
  const Numbers = bits > 8 ? Uint16Array : Uint8Array
  const out = new Numbers(width * height * samples)
  const packer = new Unpacker(bytes, layout)
  for (let plane = 0, i = 0; plane < planes; plane++) {
    for (let y = 0; y < down; y++) {
      const top = y * piece.height
      const rows = isTiled ? piece.height : Math.min(piece.height, height - top)
      for (let x = 0; x < across; x++, i++) {
        const part = packer.numbers(offsets[i]!, lengths[i]!, piece.width * own, rows, own)
        const left = x * piece.width
        const columns = Math.min(piece.width, width - left)
        for (let row = 0; row < Math.min(rows, height - top); row++) {
          let from = row * piece.width * own
          let to = ((top + row) * width + left) * samples + plane
          if (isPlanar) for (let n = 0; n < columns; n++, to += samples) out[to] = part[from++]!
          else out.set(part.subarray(from, from + columns * own), to)
        }
      }
    }
  }
  return out
}

/** Largest expansion of data: LZW makes up to 3,838 bytes of a code of 12 bits. */
const MOST_RATIO = 4096

/**
 * Runs before memory is allocated for the picture, because a small file may claim to be large.
 *
 * @throws Error if data are missing
 */
function refuseEmpty(file: Buffer, layout: TiffLayout, count: number): void {
  const { width, height, samples, bits, offsets, lengths } = layout
  let stored = 0
  for (let i = 0; i < count; i++) {
    if (offsets[i]! + lengths[i]! > file.length) throw new Error('the TIFF file is truncated')
    stored += lengths[i]!
  }
  if (width * height * samples * bits > stored * 8 * MOST_RATIO)
    throw new Error(`the TIFF file is damaged: ${stored} bytes for ${width}x${height} pixels`)
}

/** Unpacks the strips or tiles of a file to numbers. */
class Unpacker {
  readonly #bytes: Buffer
  readonly #layout: TiffLayout
  readonly #isOldLzw: boolean

  constructor(bytes: Buffer, layout: TiffLayout) {
    this.#bytes = bytes
    this.#layout = layout
    this.#isOldLzw = isOldLzw(layout, bytes)
  }

  /**
   * Unpacks `perRow` numbers in each of `rows`. With a predictor, each is the difference to the
   * number `own` places before it.
   */
  numbers(offset: number, length: number, perRow: number, rows: number, own: number): TiffSamples {
    const { bits, isReversed, predictor } = this.#layout
    const rowBytes = Math.ceil((perRow * bits) / 8)
    const stored = this.#bytes.subarray(offset, offset + length)
    const plain = this.#decompressed(isReversed ? reversed(stored) : stored, rowBytes * rows)
    if (plain.length < rowBytes * rows)
      throw new Error(`the TIFF file is damaged: ${plain.length} bytes for ${rowBytes * rows}`)
    const out = this.#unpacked(plain, rowBytes, perRow, rows)
    if (predictor !== 2) return out
    for (let row = 0; row < rows; row++)
      for (let i = row * perRow + own; i < (row + 1) * perRow; i++) out[i]! += out[i - own]!
    return out
  }

  #decompressed(stored: Uint8Array, length: number): Uint8Array {
    switch (this.#layout.compression) {
      case TIFF.lzw: {
        const out = new Uint8Array(length)
        const done = unpackLzw(stored, { smallest: 8, isTiff: !this.#isOldLzw }, out)
        return out.subarray(0, done)
      }
      case TIFF.deflate:
      case TIFF.oldDeflate:
        return zlib.inflateSync(stored, { maxOutputLength: length + SPARE })
      case TIFF.zstd:
        if (zstdDecompressSync === undefined)
          throw new MediaError(
            'ERR_UNSUPPORTED',
            'a TIFF file with zstd compression needs Node 22.15',
          )
        return zstdDecompressSync(stored, { maxOutputLength: length + SPARE })
      case TIFF.packBits:
        return unpackBits(stored, length)
      default:
        return stored
    }
  }

  #unpacked(plain: Uint8Array, rowBytes: number, perRow: number, rows: number): TiffSamples {
    const { bits, isLittle } = this.#layout
    if (bits === 8) return Uint8Array.from(plain.subarray(0, perRow * rows))
    const out = new (bits > 8 ? Uint16Array : Uint8Array)(perRow * rows)
    if (bits === 16) {
      const [high, low] = isLittle ? [1, 0] : [0, 1]
      for (let i = 0; i < out.length; i++)
        out[i] = (plain[2 * i + high]! << 8) | plain[2 * i + low]!
      return out
    }
    for (let row = 0, to = 0; row < rows; row++) {
      let [held, have, at] = [0, 0, row * rowBytes]
      for (let i = 0; i < perRow; i++, to++) {
        for (; have < bits; have += 8) held = ((held << 8) | plain[at++]!) & 0xffffff
        have -= bits
        out[to] = (held >>> have) & ((1 << bits) - 1)
      }
    }
    return out
  }
}

/** Only Node 22.15 and later have it. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: typeof zlib.inflateSync }

/** Excess bytes of a strip that some writers add. */
const SPARE = 1 << 16

/** Runs of equal bytes (TIFF 6.0, section 9). */
function unpackBits(stored: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  let done = 0
  for (let at = 0; at < stored.length && done < length; ) {
    const count = stored[at++]!
    if (count < 128) {
      out.set(stored.subarray(at, Math.min(at + count + 1, at + length - done)), done)
      done += Math.min(count + 1, stored.length - at)
      at += count + 1
    } else if (count > 128) {
      out.fill(stored[at++]!, done, done + 257 - count)
      done += 257 - count
    }
  }
  return out.subarray(0, Math.min(done, length))
}

function reversed(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => {
    const pairs = ((byte & 0x55) << 1) | ((byte >> 1) & 0x55)
    const halves = ((pairs & 0x33) << 2) | ((pairs >> 2) & 0x33)
    return ((halves & 0x0f) << 4) | (halves >> 4)
  })
}
