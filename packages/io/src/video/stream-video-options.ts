import { checkWithin } from '../audio/audio-options.ts'
import { checkBoolean } from '../base/check.ts'
import {
  checkFrameRate,
  type VideoOptions,
  type VideoTarget,
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

/** Checks options of `streamVideo`. @throws MediaError `ERR_BAD_OPTION` */
export function streamTarget(options: StreamVideoOptions): StreamTarget {
  const common = videoTarget(options, ['framesPerChunk', 'frameRate', 'dropLast'])
  const { framesPerChunk = 32, frameRate, dropLast = false } = options
  checkWithin('framesPerChunk', framesPerChunk, 1, 100_000)
  checkFrameRate(frameRate)
  checkBoolean('dropLast', dropLast)
  return { ...common, framesPerChunk, frameRate, isLastDropped: dropLast }
}
