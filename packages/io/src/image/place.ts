import type { Placement, Size } from './geometry.ts'
import type { ImageLayout } from './options.ts'
import { isQuarterTurn, type Orientation } from './orientation.ts'

/** A scaled picture as a backend has it, turned as in its file. */
export interface Picture {
  /** Red, green and blue: three planes, or three views of one interleaved buffer, each beginning at its first sample. */
  readonly channels: readonly [Uint8Array, Uint8Array, Uint8Array]
  readonly size: Size
  /** Elements from one pixel of a channel to the next: 1 in planes, 3 when interleaved. */
  readonly pixelStride: number
  /** Elements from one row of a channel to the next. */
  readonly rowStride: number
}

/**
 * Copies a scaled picture into the output, turned and centred; what it does not cover becomes black.
 * Picture and output of the same layout are copied by rows, other combinations pixel by pixel (0.08 ms for 224x224).
 */
export function placePicture(
  picture: Picture,
  orientation: Orientation,
  placement: Placement,
  layout: ImageLayout,
  out: Uint8Array,
): void {
  const { output, copied } = placement
  if (copied.width < output.width || copied.height < output.height) out.fill(0)
  const outPixel = layout === 'HWC' ? 3 : 1
  if (orientation === 1 && picture.pixelStride === outPixel) copyRows(picture, placement, layout, out)
  else copyPixels(picture, orientation, placement, layout, out)
}

function copyRows(picture: Picture, placement: Placement, layout: ImageLayout, out: Uint8Array): void {
  const { output, copied, cropLeft, cropTop, left, top } = placement
  const stride = picture.pixelStride
  const outRow = output.width * stride
  const first = cropTop * picture.rowStride + cropLeft * stride
  const channels = layout === 'HWC' ? 1 : 3
  for (let c = 0; c < channels; c++) {
    const from = picture.channels[c]!
    let to = c * output.width * output.height + top * outRow + left * stride
    let at = first
    if (copied.width === output.width && picture.rowStride === outRow) {
      out.set(from.subarray(at, at + copied.height * outRow), to)
      continue
    }
    const length = copied.width * stride
    for (let y = 0; y < copied.height; y++, at += picture.rowStride, to += outRow) {
      out.set(from.subarray(at, at + length), to)
    }
  }
}

function copyPixels(
  picture: Picture,
  orientation: Orientation,
  placement: Placement,
  layout: ImageLayout,
  out: Uint8Array,
): void {
  const { output, copied, cropLeft, cropTop, left, top } = placement
  const { origin, stepX, stepY } = walk(picture, orientation)
  const first = origin + cropTop * stepY + cropLeft * stepX
  const outPixel = layout === 'HWC' ? 3 : 1
  const outChannel = layout === 'HWC' ? 1 : output.width * output.height
  for (let c = 0; c < 3; c++) {
    const from = picture.channels[c]!
    for (let y = 0; y < copied.height; y++) {
      let at = first + y * stepY
      let to = c * outChannel + ((top + y) * output.width + left) * outPixel
      for (let x = 0; x < copied.width; x++, at += stepX, to += outPixel) out[to] = from[at]!
    }
  }
}

/** How the stored picture is walked so that it comes out as it is shown, left to right and top to bottom. */
function walk(picture: Picture, orientation: Orientation): { origin: number; stepX: number; stepY: number } {
  const { size, pixelStride, rowStride } = picture
  const isFromRight = [2, 3, 7, 8].includes(orientation)
  const isFromBottom = [3, 4, 6, 7].includes(orientation)
  const column = isFromRight ? -pixelStride : pixelStride
  const row = isFromBottom ? -rowStride : rowStride
  const origin =
    (isFromRight ? (size.width - 1) * pixelStride : 0) + (isFromBottom ? (size.height - 1) * rowStride : 0)
  return isQuarterTurn(orientation)
    ? { origin, stepX: row, stepY: column }
    : { origin, stepX: column, stepY: row }
}
