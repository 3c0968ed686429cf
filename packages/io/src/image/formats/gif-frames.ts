import type { Size } from '../../base/geometry.ts'
import { type CheckedLimits, checkPixels } from '../image-limits.ts'
import { type Area, Canvas, type Rgba } from './canvas.ts'
import { type GifPicture, gifBackground, gifCanvas } from './gif.ts'
import { gifSamples } from './gif-pixels.ts'

/**
 * The composed pictures of a GIF file, RGBA; each is valid until the next one is requested.
 * Transparent pixels have the palette's colour for them, as in Pillow's RGB.
 *
 * Pixels that the first picture does not cover have its transparent colour, or else the first
 * colour of its palette. `clear` gives transparency if the picture has a transparent colour, and
 * otherwise the background colour. Both follow Pillow; browsers show nothing there.
 *
 * @throws Error if a picture is damaged
 */
export function* gifFrames(
  file: Buffer,
  pictures: readonly GifPicture[],
  limits: Pick<CheckedLimits, 'maxPixels'>,
): Generator<{ readonly pixels: Buffer; readonly size: Size }> {
  const [first] = pictures
  if (first === undefined) return
  const size = gifCanvas(file, first)
  const canvas = new Canvas(size)
  const { pixels } = canvas
  canvas.fill({ left: 0, top: 0, ...size }, gifBlank(first))
  for (const picture of pictures) {
    checkPixels(picture, limits) // later pictures may be larger than the canvas
    const colours = coloursOf(picture)
    const area = clip(picture, size)
    const before = picture.disposal === 'restore' ? canvas.copy(area) : undefined
    paint(gifSamples(file, picture), picture, area, colours, canvas)
    yield { pixels, size }
    if (before !== undefined) canvas.draw(before, area, false)
    else if (picture.disposal === 'clear') {
      const { transparent } = picture
      canvas.fill(area, colourAt(colours, transparent >= 0 ? transparent : gifBackground(file)))
    }
  }
}

/** The background of a first picture that does not cover the canvas. */
export function gifBlank(first: GifPicture): Rgba {
  return colourAt(coloursOf(first), Math.max(0, first.transparent))
}

/** Draws the samples that are on the canvas and not transparent. */
function paint(
  samples: Uint8Array,
  { width, transparent }: GifPicture,
  area: Area,
  colours: Uint32Array,
  { pixels, size }: Canvas,
): void {
  const out = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length >> 2)
  for (let y = 0; y < area.height; y++) {
    let from = y * width
    let to = (area.top + y) * size.width + area.left
    for (let x = 0; x < area.width; x++, from++, to++) {
      const sample = samples[from]!
      if (sample !== transparent) out[to] = colours[sample]!
    }
  }
}

/**
 * The colours of a picture as numbers that are RGBA in memory. Colours that the palette lacks are
 * black; without a palette they are grey.
 */
function coloursOf({ palette, transparent }: GifPicture): Uint32Array {
  const bytes = Buffer.alloc(256 * 4)
  for (let i = 0; i < 256; i++) {
    for (let c = 0; c < 3; c++)
      bytes[i * 4 + c] = palette.length === 0 ? i : (palette[i * 3 + c] ?? 0)
    bytes[i * 4 + 3] = i === transparent ? 0 : 255
  }
  return new Uint32Array(bytes.buffer, bytes.byteOffset, 256)
}

function colourAt(colours: Uint32Array, index: number): Rgba {
  const bytes = new Uint8Array(colours.buffer, colours.byteOffset + index * 4, 4)
  return [bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!]
}

/** The part of a picture that is on the canvas. */
function clip({ left, top, width, height }: Area, size: Size): Area {
  return {
    left: Math.min(left, size.width),
    top: Math.min(top, size.height),
    width: Math.max(0, Math.min(width, size.width - left)),
    height: Math.max(0, Math.min(height, size.height - top)),
  }
}
