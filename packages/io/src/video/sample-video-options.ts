import { anything, boolean, type Rules } from 'spindle/options'
import type { DataOf, NdArray } from '../base/array.ts'
import { badOption } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import type { ImageDType } from '../image/pixel-format.ts'
import { checkDestination } from './destination.ts'
import type { SampleTarget } from './sample-video-in-thread.ts'
import { type SampleSelection, selectionOf, selectionRules } from './sampling.ts'
import { type VideoOptions, videoRules, videoTarget } from './video-options.ts'

/**
 * Options of `sampleVideo` and `sampleVideoSync`: exactly one of `indices`, `timestampsSec`,
 * `every`, `count`, `keyframes` and `clips`.
 */
export interface SampleVideoOptions extends VideoOptions, SampleSelection {
  /**
   * An array to fill instead of a new one; `width` and `height` must be given, and how many frames
   * there will be must be known: `indices`, `timestampsSec`, `count` or `clips`.
   */
  readonly into?: NdArray
  /**
   * Whether a new array lies in shared memory. Default `false`: an ordinary `ArrayBuffer`, which
   * onnxruntime and WebGPU ask for.
   */
  readonly shared?: boolean
}

const sampleOptions = mediaOptions('SampleVideoOptions', {
  ...videoRules,
  ...selectionRules,
  into: anything(),
  shared: boolean({ default: false }),
} satisfies Rules<SampleVideoOptions>)

/** Checks options of `sampleVideo`. @throws MediaError `ERR_BAD_OPTION` */
export function sampleTarget(options: SampleVideoOptions): {
  readonly target: SampleTarget
  readonly into: DataOf[ImageDType] | undefined
} {
  const checked = sampleOptions.check(options)
  const common = videoTarget(checked)
  const selection = selectionOf(options)
  const { into, shared, width, height } = checked
  const target = { ...common, selection, isShared: shared }
  if (into === undefined) return { target, into }
  for (const [name, value] of Object.entries({ width, height })) {
    if (value === undefined) throw badOption(name, 'given with `into`', value)
  }
  if (common.image.mode === 'shorter')
    throw badOption('mode', 'one that gives all frames one size, with `into`', 'shorter')
  return { target, into: checkDestination(into, common.image, countsOf(target)) }
}

function countsOf({ selection }: SampleTarget): readonly number[] {
  switch (selection.kind) {
    case 'indices':
      return [selection.indices.length]
    case 'times':
      return [selection.timesSec.length]
    case 'count':
      return [selection.count]
    case 'clips':
      return [selection.count, selection.length]
    default:
      throw badOption(
        'into',
        `left out with \`${selection.kind}\`: how many frames there are is not known`,
        'an array',
      )
  }
}
