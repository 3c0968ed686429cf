import { boolean, integer, type Rules } from 'spindle/options'
import { mediaOptions } from '../base/options.ts'
import {
  frameRateRule,
  type VideoOptions,
  type VideoTarget,
  videoRules,
  videoTarget,
} from './video-options.ts'

/** Options of `streamVideo` and `streamVideoSync`. */
export interface StreamVideoOptions extends VideoOptions {
  /** Frames of a chunk, 1 to 100000; the last has what is left. Default 32. */
  readonly framesPerChunk?: number
  /** Frames a second, as for `loadVideo`. Default: as they are stored. */
  readonly frameRate?: number
  /** Whether the last chunk is left out where it is shorter. Default `false`. */
  readonly dropLast?: boolean
}

/** What `streamVideo` is asked for. */
export interface StreamTarget extends VideoTarget {
  readonly framesPerChunk: number
  readonly frameRate: number | undefined
  readonly isLastDropped: boolean
}

const streamOptions = mediaOptions('StreamVideoOptions', {
  ...videoRules,
  framesPerChunk: integer({ min: 1, max: 100_000, default: 32, unit: 'frames' }),
  frameRate: frameRateRule,
  dropLast: boolean({ default: false }),
} satisfies Rules<StreamVideoOptions>)

/** Checks options of `streamVideo`. @throws MediaError `ERR_BAD_OPTION` */
export function streamTarget(options: StreamVideoOptions): StreamTarget {
  const checked = streamOptions.check(options)
  const { framesPerChunk, frameRate, dropLast } = checked
  return { ...videoTarget(checked), framesPerChunk, frameRate, isLastDropped: dropLast }
}
