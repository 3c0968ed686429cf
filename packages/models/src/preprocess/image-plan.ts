import { PIL_FILTERS, type PilFilter } from './pil-filters.ts'
import { badConfig, channelsOf, numberOf, type ProcessorConfig } from './processor-config.ts'

/** Width and height in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** How the size of the scaled picture follows from that of the picture. */
export type ResizeRule =
  | { readonly kind: 'exact'; readonly size: Size }
  | { readonly kind: 'shorter'; readonly side: number; readonly longest: number | undefined }
  | { readonly kind: 'longest'; readonly side: number }

/** What a model's pictures need. Plain data, which crosses to workers. */
export interface ImagePlan {
  readonly resize: ResizeRule | undefined
  readonly filter: PilFilter
  /** The part in the middle that is kept. Smaller pictures get a black border. */
  readonly crop: Size | undefined
  /** Size that the result is filled up to, right and below, with 0. */
  readonly pad: Size | undefined
  /** Factor of samples. */
  readonly scale: number
  readonly mean: readonly number[] | undefined
  readonly std: readonly number[] | undefined
  readonly isBgr: boolean
  readonly layout: 'CHW' | 'HWC'
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const

/** Reads the configuration of an image processor. @throws SpindleError `ERR_BAD_OPTION` */
export function imagePlan(config: ProcessorConfig, layout: ImagePlan['layout'] = 'CHW'): ImagePlan {
  const resample = config.resample ?? 2
  const filter = PIL_FILTERS[resample as number]
  if (filter === undefined)
    throw badConfig('resample', "a number from 0 to 5, one of Pillow's filters", resample)
  const normalizes = config.do_normalize !== false && config.image_mean !== undefined
  const crops = config.do_center_crop === true
  const rule = config.do_resize === false ? undefined : resizeRule(config)
  const crop = cropOf(config, crops)
  return {
    ...ofConvNext(config, rule, crop),
    filter,
    pad: config.do_pad === true ? padOf(config) : undefined,
    scale: config.do_rescale === false ? 1 : numberOf(config, 'rescale_factor', 1 / 255),
    mean: normalizes ? channelsOf(config, 'image_mean', IMAGENET.mean) : undefined,
    std: normalizes ? channelsOf(config, 'image_std', IMAGENET.std) : undefined,
    isBgr: config.do_flip_channel_order === true,
    layout,
  }
}

function resizeRule(config: ProcessorConfig): ResizeRule | undefined {
  const { size } = config
  if (size === undefined) return undefined
  if (typeof size === 'number')
    // Old files have one number, which is the shorter side only where a crop follows.
    return config.do_center_crop === true
      ? { kind: 'shorter', side: size, longest: undefined }
      : { kind: 'exact', size: { width: size, height: size } }
  const given = sizeObject('size', size)
  const { width, height, shortest_edge: shortest, longest_edge: longest } = given
  if (width !== undefined && height !== undefined) return { kind: 'exact', size: { width, height } }
  if (shortest !== undefined) return { kind: 'shorter', side: shortest, longest }
  if (longest !== undefined) return { kind: 'longest', side: longest }
  throw badConfig(
    'size',
    'a number, { width, height }, { shortest_edge } or { longest_edge }',
    size,
  )
}

function sizeObject(name: string, value: unknown): Readonly<Record<string, number | undefined>> {
  const isSize =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((side) => Number.isInteger(side) && (side as number) >= 1)
  if (!isSize) throw badConfig(name, 'an object of integers >= 1', value)
  return value as Readonly<Record<string, number>>
}

function cropOf(config: ProcessorConfig, crops: boolean): Size | undefined {
  if (!crops) return undefined
  const value = config.crop_size ?? 224
  if (typeof value === 'number') return { width: value, height: value }
  const { width, height } = sizeObject('crop_size', value)
  if (width === undefined || height === undefined)
    throw badConfig('crop_size', 'a number or { width, height }', value)
  return { width, height }
}

function padOf(config: ProcessorConfig): Size {
  const { width, height } = sizeObject('pad_size', config.pad_size ?? config.size)
  if (width === undefined || height === undefined)
    throw badConfig('pad_size', '{ width, height }', config.pad_size)
  return { width, height }
}

/** ConvNeXt scales to a larger shorter side and crops, but squeezes pictures for 384 and more. */
function ofConvNext(
  config: ProcessorConfig,
  resize: ResizeRule | undefined,
  crop: Size | undefined,
): Pick<ImagePlan, 'resize' | 'crop'> {
  const type = String(config.image_processor_type ?? config.feature_extractor_type ?? '')
  if (!type.startsWith('ConvNext') || resize === undefined) return { resize, crop }
  const side =
    resize.kind === 'shorter' ? resize.side : resize.kind === 'exact' ? resize.size.width : 0
  const square = { width: side, height: side }
  if (side >= 384) return { resize: { kind: 'exact', size: square }, crop: undefined }
  const share = numberOf(config, 'crop_pct', 224 / 256)
  return {
    resize: { kind: 'shorter', side: Math.trunc(side / share), longest: undefined },
    crop: square,
  }
}

/** The size that a picture is scaled to. Sides are rounded down, as in the models' training. */
export function scaledSize({ width, height }: Size, rule: ResizeRule): Size {
  if (rule.kind === 'exact') return rule.size
  if (rule.kind === 'longest') {
    const scale = rule.side / Math.max(width, height)
    return {
      width: Math.max(1, Math.trunc(width * scale + 0.5)),
      height: Math.max(1, Math.trunc(height * scale + 0.5)),
    }
  }
  const [short, long] = width <= height ? [width, height] : [height, width]
  let side = rule.side
  let other = Math.trunc((side * long) / short)
  if (rule.longest !== undefined && other > rule.longest) {
    side = Math.max(1, Math.trunc((rule.longest * side) / other))
    other = rule.longest
  }
  return width <= height ? { width: side, height: other } : { width: other, height: side }
}
