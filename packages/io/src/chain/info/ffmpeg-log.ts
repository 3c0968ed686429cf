import { badOption } from '../../base/errors.ts'
import { type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'

/** How grave a message of FFmpeg's is, from the gravest. */
export type FFmpegLogLevel = 'fatal' | 'error' | 'warning' | 'info' | 'verbose' | 'debug'

/** A message of FFmpeg's. */
export interface FFmpegMessage {
  readonly level: FFmpegLogLevel
  readonly text: string
}

/** Where FFmpeg's messages go. */
export interface FFmpegLogOptions {
  /** The least grave that are wanted. Default `'warning'`. */
  readonly level?: FFmpegLogLevel
  /**
   * Gets each message, a little later than it was said; what it throws is an uncaught exception.
   */
  readonly onMessage: (message: FFmpegMessage) => void
}

const LEVELS: readonly FFmpegLogLevel[] = ['fatal', 'error', 'warning', 'info', 'verbose', 'debug']

/**
 * Sends what FFmpeg says, in any thread of the process, to a function in this one: call it once, in
 * the main thread. Without it nothing of FFmpeg's is printed or kept; what is wrong with a file
 * comes as an error in any case.
 *
 * @returns a function that ends it
 * @throws MediaError `ERR_BAD_OPTION`, `ERR_BACKEND_MISSING`
 */
export function captureFFmpegLog(options: FFmpegLogOptions): () => void {
  const { level = 'warning', onMessage } = options
  if (!LEVELS.includes(level)) throw badOption('level', LEVELS.join(' or '), level)
  if (typeof onMessage !== 'function') throw badOption('onMessage', 'a function', onMessage)
  const ffmpeg = loadFFmpeg()
  const { av, constants: c } = ffmpeg
  const before = av.Log.getLevel()
  const least = numberOf(ffmpeg, level)
  av.Log.setLevel(least)
  av.Log.setCallback(
    (number, text) =>
      onMessage({
        level: LEVELS.find((one) => number <= numberOf(ffmpeg, one)) ?? 'debug',
        text: text.trimEnd(),
      }),
    { maxLevel: least },
  )
  return () => {
    av.Log.resetCallback()
    av.Log.setLevel(before === c.AV_LOG_INFO ? c.AV_LOG_FATAL : before)
  }
}

function numberOf(
  { constants: c }: FFmpeg,
  level: FFmpegLogLevel,
): FFmpeg['constants']['AV_LOG_INFO'] {
  const numbers = {
    ...{ fatal: c.AV_LOG_FATAL, error: c.AV_LOG_ERROR, warning: c.AV_LOG_WARNING },
    ...{ info: c.AV_LOG_INFO, verbose: c.AV_LOG_VERBOSE, debug: c.AV_LOG_DEBUG },
  }
  return numbers[level] as never
}
