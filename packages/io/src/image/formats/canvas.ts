import type { Size } from '../../base/geometry.ts'

/** A part of a canvas, in pixels. */
export interface Area extends Size {
  readonly left: number
  readonly top: number
}

/** Red, green, blue and alpha, 0..255. */
export type Rgba = readonly [number, number, number, number]

export const TRANSPARENT: Rgba = [0, 0, 0, 0]
export const BLACK: Rgba = [0, 0, 0, 255]

/**
 * The canvas on which the pictures of an animation are composed: 8-bit RGBA, not premultiplied, row
 * by row.
 */
export class Canvas {
  readonly size: Size
  readonly pixels: Buffer

  constructor(size: Size) {
    this.size = size
    // A separate buffer: as 4-byte numbers it must be aligned to 4.
    this.pixels = Buffer.from(new ArrayBuffer(size.width * size.height * 4))
  }

  /**
   * Replaces a part with a picture, or draws the picture over it: with `isOver`, transparent pixels
   * show what is below.
   */
  draw(picture: Buffer, { left, top, width, height }: Area, isOver: boolean): void {
    const row = width * 4
    for (let y = 0; y < height; y++) {
      const to = this.#at(left, top + y)
      if (!isOver) picture.copy(this.pixels, to, y * row, (y + 1) * row)
      else for (let x = 0; x < row; x += 4) blend(picture, y * row + x, this.pixels, to + x)
    }
  }

  fill({ left, top, width, height }: Area, colour: Rgba): void {
    const one = new Uint32Array(Uint8Array.from(colour).buffer)[0]!
    const all = new Uint32Array(this.pixels.buffer, this.pixels.byteOffset, this.pixels.length >> 2)
    for (let y = top; y < top + height; y++) {
      const from = y * this.size.width + left
      all.fill(one, from, from + width)
    }
  }

  /** A copy of a part, to be drawn again later. */
  copy({ left, top, width, height }: Area): Buffer {
    const row = width * 4
    const copied = Buffer.allocUnsafe(row * height)
    for (let y = 0; y < height; y++) {
      const from = this.#at(left, top + y)
      this.pixels.copy(copied, y * row, from, from + row)
    }
    return copied
  }

  #at(x: number, y: number): number {
    return (y * this.size.width + x) * 4
  }
}

/** One pixel over another, neither premultiplied (PNG third edition, 13.16). */
function blend(above: Buffer, from: number, below: Buffer, to: number): void {
  const alpha = above[from + 3]!
  if (alpha === 0) return
  const rest = (below[to + 3]! * (255 - alpha)) / 255
  const sum = alpha + rest
  for (let c = 0; c < 3; c++)
    below[to + c] = Math.round((above[from + c]! * alpha + below[to + c]! * rest) / sum)
  below[to + 3] = Math.round(sum)
}
