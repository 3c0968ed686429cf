import type { NdArray } from '@spindle/io'
import { type ImagePlan, type Size, scaledSize } from './image-plan.ts'
import { pilResize, type Rgb } from './pil-resize.ts'

/**
 * Makes a model's input of a picture: scaled, cropped, as float32 [3, height, width] or
 * [height, width, 3], rescaled, normalised and filled up, in this order.
 */
export function imageTensor(
  image: Pick<NdArray<'uint8'>, 'data' | 'shape'>,
  plan: ImagePlan,
): NdArray<'float32'> {
  const [height = 0, width = 0] = image.shape
  const picture = { data: image.data, width, height }
  const scaled = plan.resize === undefined ? picture : scaledSize(picture, plan.resize)
  const size = { width: scaled.width, height: scaled.height }
  const inner = middleOf(size, plan.crop ?? size)
  const cut = pilResize(picture, size.width, size.height, plan.filter, inner)
  return filled(cut, inner, plan)
}

/** The place of the cut in the result, and its part of the scaled picture. */
interface Middle extends Size {
  readonly left: number
  readonly top: number
  /** Size of the result, and where the cut begins in it. */
  readonly out: Size
  readonly toLeft: number
  readonly toTop: number
}

/**
 * As Hugging Face's `center_crop()`: an odd pixel stays right and below; borders are rounded up.
 */
function middleOf(scaled: Size, out: Size): Middle {
  const along = (side: number, wanted: number): readonly [number, number, number] =>
    wanted <= side
      ? [Math.floor((side - wanted) / 2), wanted, 0]
      : [0, side, Math.ceil((wanted - side) / 2)]
  const [left, width, toLeft] = along(scaled.width, out.width)
  const [top, height, toTop] = along(scaled.height, out.height)
  return { left, top, width, height, out, toLeft, toTop }
}

function filled(cut: Rgb, { out, toLeft, toTop }: Middle, plan: ImagePlan): NdArray<'float32'> {
  const size = plan.pad ?? out
  const width = Math.max(size.width, out.width)
  const height = Math.max(size.height, out.height)
  const data = new Float32Array(3 * width * height)
  const isPlanar = plan.layout === 'CHW'
  const step = isPlanar ? 1 : 3
  for (let channel = 0; channel < 3; channel++) {
    const values = valuesOf(plan, channel)
    const first = isPlanar ? channel * width * height : channel
    // A border of the crop is black, like the picture; beyond it, the result stays 0.
    if (cut.width < out.width || cut.height < out.height)
      for (let y = 0; y < out.height; y++)
        for (let x = 0; x < out.width; x++)
          data[first + (y * width + x) * step] = values[0] as number
    const from = plan.isBgr ? 2 - channel : channel
    for (let y = 0; y < cut.height; y++) {
      let at = y * cut.width * 3 + from
      let to = first + ((toTop + y) * width + toLeft) * step
      for (let x = 0; x < cut.width; x++, at += 3, to += step)
        data[to] = values[cut.data[at] as number] as number
    }
  }
  const shape = isPlanar ? [3, height, width] : [height, width, 3]
  return { data, dtype: 'float32', shape }
}

/** The result of each sample value, in the float32 steps of Hugging Face's processors. */
function valuesOf({ scale, mean, std }: ImagePlan, channel: number): Float32Array {
  const values = new Float32Array(256)
  const [shift, spread] = [Math.fround(mean?.[channel] ?? 0), Math.fround(std?.[channel] ?? 1)]
  for (let value = 0; value < 256; value++) {
    const scaled = Math.fround(value * scale)
    values[value] = mean === undefined ? scaled : Math.fround(scaled - shift) / spread
  }
  return values
}
