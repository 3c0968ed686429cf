import { choice, func, type Rules } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import { type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'

/** Severity of an FFmpeg message, most severe first. */
export type FFmpegLogLevel = 'fatal' | 'error' | 'warning' | 'info' | 'verbose' | 'debug'

/** A message of FFmpeg. */
export interface FFmpegMessage {
  /** Severity. */
  readonly level: FFmpegLogLevel
  /** The message. */
  readonly text: string
}

/** Options of `captureFFmpegLog`. */
export interface FFmpegLogOptions {
  /** Least severe messages to report. Default `'warning'`. */
  readonly level?: FFmpegLogLevel
  /** Receives each message, slightly delayed. An error that it throws is an uncaught exception. */
  readonly onMessage: (message: FFmpegMessage) => void
}

const LEVELS: readonly FFmpegLogLevel[] = ['fatal', 'error', 'warning', 'info', 'verbose', 'debug']

const logOptions = mediaOptions('FFmpegLogOptions', {
  level: choice(LEVELS, { default: 'warning' }),
  onMessage: func({ required: true }),
} satisfies Rules<FFmpegLogOptions>)

/**
 * Sends FFmpeg's messages from all threads of the process to a function in this one. Call it once,
 * in the main thread. Without it, FFmpeg's messages are neither printed nor kept; problems of files
 * are errors in any case.
 *
 * @returns a function that stops it
 * @throws MediaError `ERR_BAD_OPTION`, `ERR_BACKEND_MISSING`
 */
export function captureFFmpegLog(options: FFmpegLogOptions): () => void {
  const { level, onMessage } = logOptions.check(options)
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
