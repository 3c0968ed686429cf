import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { MediaError, missingBackend } from '../base/errors.ts'

/**
 * The low-level half of `node-av` (the other half costs 70 ms more to import) and its constants.
 */
export type Av = typeof import('node-av/lib')
export type Constants = typeof import('node-av/constants')

/** `node-av`, loaded. */
export interface FFmpeg {
  readonly av: Av
  readonly constants: Constants
}

// A bundler that makes CommonJS leaves no URL. The application's packages are then the ones to use.
const { url = join(process.cwd(), 'package.json') } = import.meta as { readonly url?: string }
const require = createRequire(url)
let loaded: FFmpeg | undefined

/**
 * Loads `node-av` in this thread on the first call. It disables FFmpeg's own messages to stderr (a
 * truncated JPEG is "fatal" to it), unless the program has chosen a level: messages about damaged
 * files become errors here.
 *
 * @throws MediaError `ERR_BACKEND_MISSING`. The message says what to install, or why the installed
 *   library does not load
 */
export function loadFFmpeg(): FFmpeg {
  if (loaded !== undefined) return loaded
  try {
    loaded = { av: loadAv(), constants: require('node-av/constants') as Constants }
  } catch (error) {
    throw missingBackend('ffmpeg', 'node-av', error)
  }
  const { av, constants } = loaded
  if (av.Log.getLevel() === constants.AV_LOG_INFO) av.Log.setLevel(constants.AV_LOG_PANIC)
  return loaded
}

/**
 * The files of `node-av/lib` that have the classes used here. Loading all of its files takes 42 ms
 * of CPU time in each thread; what an image needs takes 31 ms.
 */
const FILE_OF = {
  BitStreamFilter: 'bitstream-filter',
  BitStreamFilterContext: 'bitstream-filter-context',
  Codec: 'codec',
  CodecContext: 'codec-context',
  CodecParameters: 'codec-parameters',
  Dictionary: 'dictionary',
  FFmpegError: 'error',
  Filter: 'filter',
  FilterGraph: 'filter-graph',
  FilterInOut: 'filter-inout',
  FormatContext: 'format-context',
  Frame: 'frame',
  HardwareDeviceContext: 'hardware-device-context',
  InputFormat: 'input-format',
  IOContext: 'io-context',
  Log: 'log',
  OutputFormat: 'output-format',
  Packet: 'packet',
  Rational: 'rational',
  SoftwareResampleContext: 'software-resample-context',
  SoftwareScaleContext: 'software-scale-context',
} satisfies Partial<Record<keyof Av, string>>

/** `node-av/lib`, with classes that are loaded at first use where its files are as known here. */
function loadAv(): Av {
  const folder = dirname(require.resolve('node-av/lib'))
  const files = Object.values(FILE_OF).map((name) => join(folder, `${name}.js`))
  if (!files.every((file) => existsSync(file))) return require('node-av/lib') as Av
  const av = { ...(require(join(folder, 'utilities.js')) as object) }
  for (const [name, file] of Object.entries(FILE_OF)) {
    const get = (): unknown => {
      const value = (require(join(folder, `${file}.js`)) as Record<string, unknown>)[name]
      Object.defineProperty(av, name, { value, enumerable: true })
      return value
    }
    Object.defineProperty(av, name, { get, enumerable: true, configurable: true })
  }
  return av as Av
}

/** FFmpeg's name of a frame's pixel format. */
export function formatName({ av }: FFmpeg, { format }: { readonly format: unknown }): string {
  return av.avGetPixFmtName(format as Parameters<Av['avGetPixFmtName']>[0]) ?? ''
}

/**
 * Throws FFmpeg's message for a negative result; `ERR_UNSUPPORTED` if FFmpeg has not implemented
 * the feature.
 */
export function check(ffmpeg: FFmpeg, result: number, doing: string): void {
  if (result >= 0) return
  const message = problemOf(ffmpeg, result, doing)
  if (result === ffmpeg.constants.AVERROR_PATCHWELCOME)
    throw new MediaError('ERR_UNSUPPORTED', message)
  throw new Error(message)
}

/** FFmpeg's message for a negative result. */
export function problemOf({ av }: FFmpeg, result: number, doing: string): string {
  return `FFmpeg, ${doing}: ${av.FFmpegError.strerror(result)}`
}
