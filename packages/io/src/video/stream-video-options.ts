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
  /** Frames in a chunk, an integer from 1 to 100000; the last chunk has the rest. Default 32. */
  readonly framesPerChunk?: number
  /** Frames per second, as for `loadVideo`. Default: as stored. */
  readonly frameRate?: number
  /** Whether a shorter last chunk is dropped. Default `false`. */
  readonly dropLast?: boolean
}

/** A checked request to `streamVideo`. */
export interface StreamTarget extends VideoTarget {
  readonly framesPerChunk: number
  readonly frameRate: number | undefined
  readonly isLastDropped: boolean
}

/**
 * Checks the options of `streamVideo`.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
export function streamTarget(options: StreamVideoOptions): StreamTarget {
  const common = videoTarget(options, ['framesPerChunk', 'frameRate', 'dropLast'])
  const { framesPerChunk = 32, frameRate, dropLast = false } = options
  checkWithin('framesPerChunk', framesPerChunk, 1, 100_000)
  checkFrameRate(frameRate)
  checkBoolean('dropLast', dropLast)
  return { ...common, framesPerChunk, frameRate, isLastDropped: dropLast }
}
