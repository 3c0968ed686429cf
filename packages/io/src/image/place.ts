import type { DataOf } from '../base/array.ts'
import type { Placement, Size } from '../base/geometry.ts'
import type { ImageTarget } from './image-options.ts'
import { isFromBottom, isFromRight, isQuarterTurn, type Orientation } from './orientation.ts'
import { channelsOf, type ImageDType, type Plane, planesOf } from './pixel-format.ts'

/** A scaled picture from a backend, oriented as in its file. */
export interface Picture {
  /**
   * The samples, in the order of the output's channels. Views of one interleaved buffer each begin
   * at their first sample. A format without a layout has its planes here.
   */
  readonly channels: readonly (Uint8Array | Uint16Array)[]
  readonly size: Size
  /**
   * Distance between pixels of a channel, in elements: 1 in planes, the number of channels if
   * interleaved.
   */
  readonly pixelStride: number
  /** Distance between rows, in elements, for each of `channels`. */
  readonly rowStrides: readonly number[]
}

type Output = DataOf[ImageDType]

/**
 * Copies a scaled picture into the output, rotated and centred; the rest becomes black. If picture
 * and output have the same order of samples, it copies rows, otherwise single samples (0.08 ms for
 * 224x224).
 */
export function placePicture(
  picture: Picture,
  orientation: Orientation,
  placement: Placement,
  target: ImageTarget,
  out: Output,
): void {
  const planes = planesOf(target.pixelFormat, target.layout)
  const area = placement.output.width * placement.output.height
  let at = 0
  for (let i = 0; i < planes.length; i++) {
    const plane = planes[i]!
    const length = (area * plane.channels) >> (2 * plane.shift)
    placePlane(
      picture,
      i,
      plane,
      orientation,
      placement,
      target,
      out.subarray(at, at + length) as Output,
    )
    at += length
  }
}

function placePlane(
  picture: Picture,
  index: number,
  plane: Plane,
  orientation: Orientation,
  whole: Placement,
  { affine, pixelFormat }: ImageTarget,
  out: Output,
): void {
  const placement = plane.shift === 0 ? whole : halve(whole)
  const { output, copied } = placement
  const isCovered = copied.width === output.width && copied.height === output.height
  if (!isCovered) fillBlank(out, plane, index, affine)
  // For formats with a layout, `channels` has each channel; for YUV it has each plane, and those of
  // nv12 alternate.
  const isYuv = channelsOf(pixelFormat) === undefined
  const first = isYuv || plane.channels === 1 ? index : 0
  const pixelStride = isYuv ? plane.channels : picture.pixelStride
  if (affine === undefined && orientation === 1 && pixelStride === plane.channels) {
    copyRows(picture.channels[first]!, picture.rowStrides[first]!, plane.channels, placement, out)
    return
  }
  const size = plane.shift === 0 ? picture.size : half(picture.size)
  for (let c = 0; c < plane.channels; c++) {
    const from = isYuv ? picture.channels[index]!.subarray(c) : picture.channels[first + c]!
    const walked = walk(
      size,
      pixelStride,
      picture.rowStrides[isYuv ? index : first + c]!,
      orientation,
    )
    const to = out.subarray(c) as Output
    if (affine === undefined) copySamples(from, walked, placement, plane.channels, to)
    else mapSamples(from, walked, placement, plane.channels, to, affine[first + c]!)
  }
}

function halve({ output, copied, cropLeft, cropTop, left, top }: Placement): Placement {
  return {
    output: half(output),
    copied: half(copied),
    ...{ cropLeft: cropLeft >> 1, cropTop: cropTop >> 1, left: left >> 1, top: top >> 1 },
  }
}

function half({ width, height }: Size): Size {
  return { width: width >> 1, height: height >> 1 }
}

function fillBlank(out: Output, plane: Plane, index: number, affine: ImageTarget['affine']): void {
  if (affine === undefined || plane.channels === 1) {
    out.fill(affine === undefined ? plane.blank : affine[index]!.shift)
    return
  }
  for (let i = 0; i < out.length; i++) out[i] = affine[i % plane.channels]!.shift
}

function copyRows(
  from: Uint8Array | Uint16Array,
  rowStride: number,
  channels: number,
  { output, copied, cropLeft, cropTop, left, top }: Placement,
  out: Output,
): void {
  const outRow = output.width * channels
  let at = cropTop * rowStride + cropLeft * channels
  let to = top * outRow + left * channels
  if (copied.width === output.width && rowStride === outRow) {
    out.set(from.subarray(at, at + copied.height * outRow), to)
    return
  }
  const length = copied.width * channels
  for (let y = 0; y < copied.height; y++, at += rowStride, to += outRow) {
    out.set(from.subarray(at, at + length), to)
  }
}

function copySamples(
  from: Uint8Array | Uint16Array,
  { origin, stepX, stepY }: Walk,
  { output, copied, cropLeft, cropTop, left, top }: Placement,
  outPixel: number,
  out: Output,
): void {
  for (let y = 0; y < copied.height; y++) {
    let at = origin + (cropTop + y) * stepY + cropLeft * stepX
    let to = ((top + y) * output.width + left) * outPixel
    for (let x = 0; x < copied.width; x++, at += stepX, to += outPixel) out[to] = from[at]!
  }
}

function mapSamples(
  from: Uint8Array | Uint16Array,
  { origin, stepX, stepY }: Walk,
  { output, copied, cropLeft, cropTop, left, top }: Placement,
  outPixel: number,
  out: Output,
  { scale, shift }: { readonly scale: number; readonly shift: number },
): void {
  for (let y = 0; y < copied.height; y++) {
    let at = origin + (cropTop + y) * stepY + cropLeft * stepX
    let to = ((top + y) * output.width + left) * outPixel
    let x = 0
    if (stepX === 1 && outPixel === 1) {
      // Four at a time: 0.17 ms instead of 0.25 for 3x224x224.
      for (; x + 4 <= copied.width; x += 4, at += 4, to += 4) {
        out[to] = from[at]! * scale + shift
        out[to + 1] = from[at + 1]! * scale + shift
        out[to + 2] = from[at + 2]! * scale + shift
        out[to + 3] = from[at + 3]! * scale + shift
      }
    }
    for (; x < copied.width; x++, at += stepX, to += outPixel) out[to] = from[at]! * scale + shift
  }
}

/**
 * The order in which the stored picture is read, so that it is written left to right and top to
 * bottom.
 */
interface Walk {
  readonly origin: number
  readonly stepX: number
  readonly stepY: number
}

function walk(size: Size, pixelStride: number, rowStride: number, orientation: Orientation): Walk {
  const [fromRight, fromBottom] = [isFromRight(orientation), isFromBottom(orientation)]
  const column = fromRight ? -pixelStride : pixelStride
  const row = fromBottom ? -rowStride : rowStride
  const origin =
    (fromRight ? (size.width - 1) * pixelStride : 0) +
    (fromBottom ? (size.height - 1) * rowStride : 0)
  return isQuarterTurn(orientation)
    ? { origin, stepX: row, stepY: column }
    : { origin, stepX: column, stepY: row }
}
