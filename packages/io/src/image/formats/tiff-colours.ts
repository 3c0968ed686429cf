import { INKS, PALETTE, RGB, type TiffLayout, WHITE_IS_ZERO, YCBCR } from './tiff-layout.ts'
import type { TiffSamples } from './tiff-pixels.ts'

/** Pixels of grey, grey and alpha, RGB or RGBA. */
export interface RawPixels {
  readonly data: TiffSamples
  readonly channels: 1 | 2 | 3 | 4
}

/**
 * Converts stored samples to grey or RGB, with alpha if the file has it. Inks are converted by the
 * plain formula to RGB of 8 bits.
 */
export function tiffColours(stored: TiffSamples, layout: TiffLayout): RawPixels {
  const { photometric, samples, bits } = layout
  if (photometric === PALETTE) return { data: fromPalette(stored, layout), channels: 3 }
  const scaled = bits === 8 || bits === 16 ? stored : widened(stored, bits)
  const colours = photometric === INKS ? 4 : photometric === RGB || photometric === YCBCR ? 3 : 1
  const alpha = samples > colours ? (layout.extra[0] ?? 0) : 0
  const hasAlpha = alpha === 1 || alpha === 2
  const channels = (colours === 1 ? 1 : 3) + (hasAlpha ? 1 : 0)
  const isInk = photometric === INKS
  const source = isInk && bits === 16 ? to8(scaled) : scaled
  const data = new (source.constructor as Uint8ArrayConstructor)(
    (source.length / samples) * channels,
  )
  const max = data.BYTES_PER_ELEMENT === 2 ? 65535 : 255
  for (let from = 0, to = 0; from < source.length; from += samples, to += channels) {
    if (isInk) putInks(source, from, data, to)
    else if (photometric === YCBCR) putYcbcr(source, from, data, to)
    else if (photometric === WHITE_IS_ZERO) data[to] = max - source[from]!
    else for (let c = 0; c < colours; c++) data[to + c] = source[from + c]!
    if (hasAlpha) data[to + channels - 1] = source[from + colours]!
    if (alpha === 1) divide(data, to, channels - 1, max)
  }
  return { data, channels: channels as RawPixels['channels'] }
}

/** Divides colours that were multiplied by alpha. */
function divide(data: TiffSamples, at: number, colours: number, max: number): void {
  const alpha = data[at + colours]!
  if (alpha === 0) return
  for (let c = 0; c < colours; c++)
    data[at + c] = Math.min(max, Math.floor((data[at + c]! * max) / alpha))
}

/** Looks up colours in the colour map, whose numbers have 16 bits; some writers put 8 there. */
function fromPalette(stored: TiffSamples, { colours, bits }: TiffLayout): Uint8Array {
  const count = 1 << bits
  if (colours.length < 3 * count) throw new Error('the TIFF file lacks its palette')
  const shift = colours.some((value) => value > 255) ? 8 : 0
  const data = new Uint8Array(stored.length * 3)
  for (let i = 0, to = 0; i < stored.length; i++)
    for (let c = 0; c < 3; c++, to++) data[to] = colours[c * count + stored[i]!]! >> shift
  return data
}

/** Widens samples of other sizes to 8 or 16 bits, so that the largest number is the brightest. */
function widened(stored: TiffSamples, bits: number): TiffSamples {
  const scale = (bits > 8 ? 65535 : 255) / ((1 << bits) - 1)
  return stored.map((value) => Math.round(value * scale))
}

function to8(samples: TiffSamples): Uint8Array {
  return Uint8Array.from(samples, (value) => value >> 8)
}

function putInks(from: TiffSamples, at: number, out: TiffSamples, to: number): void {
  const light = 255 - from[at + 3]!
  for (let c = 0; c < 3; c++) out[to + c] = Math.round(((255 - from[at + c]!) * light) / 255)
}

/**
 * Converts YCbCr of full range by BT.601, as in JPEG (TIFF 6.0, section 21, with the usual
 * reference levels).
 */
function putYcbcr(from: TiffSamples, at: number, out: TiffSamples, to: number): void {
  const [y, cb, cr] = [from[at]!, from[at + 1]! - 128, from[at + 2]! - 128]
  const clamp = (value: number): number => Math.max(0, Math.min(255, Math.round(value)))
  out[to] = clamp(y + 1.402 * cr)
  out[to + 1] = clamp(y - 0.344136 * cb - 0.714136 * cr)
  out[to + 2] = clamp(y + 1.772 * cb)
}
