import { accessSync, constants } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FormatContext, InputFormat } from 'node-av/lib'
import { MediaError } from '../../base/errors.ts'
import { isOpenEnded } from '../../ffmpeg/containers/open-ended.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { findFacts, openContext } from '../../ffmpeg/open-context.ts'
import { withFile } from '../../files/open-file.ts'
import { openReaderSync } from '../../files/reader.ts'
import { refuseIrregular } from '../../files/regular.ts'
import type { SyncReader } from '../../files/routine.ts'
import { removeSpilled, spill } from '../../files/spill.ts'

/**
 * Where a demuxer reads from: a path, a URL that FFmpeg can open, bytes. With `format: 'lavfi'`, a
 * string is a filter graph.
 */
export type DemuxSource = string | URL | Uint8Array | ArrayBuffer | SharedArrayBuffer

/** How a container is opened. */
export interface OpenOptions {
  readonly format: string | undefined
  readonly formatOptions: Readonly<Record<string, string>>
  readonly probe: boolean | 'auto'
  /** Longest wait for bytes of a web server, in milliseconds. */
  readonly timeoutMs: number
}

/** Demuxers whose input is no file. */
const NO_FILE: ReadonlySet<string> = new Set(['lavfi'])

/** Protocols by which FFmpeg may open what a URL names. */
const WEB = 'http,https,tcp,tls,crypto'

/**
 * Has FFmpeg open a container. Closing it is the caller's. @throws Error of FFmpeg's, or MediaError
 * without source
 */
export function openInput(
  ffmpeg: FFmpeg,
  source: DemuxSource,
  options: OpenOptions,
): FormatContext {
  const format = inputFormat(ffmpeg, options.format)
  const { url, protocols, inspect, spilled } = placeOf(source, options.format)
  let context: FormatContext
  try {
    const waiting = protocols === WEB ? { rw_timeout: microseconds(options.timeoutMs) } : {}
    const given = { ...waiting, ...options.formatOptions }
    context = openContext(ffmpeg, { url, protocols, format, options: given, inspect })
  } catch (error) {
    if (protocols === 'file') refuseUnreadable(url.slice('file:'.length))
    throw error
  } finally {
    // What is open needs no name, but on Windows, where it is removed when the process ends.
    if (spilled !== undefined) removeSpilled(spilled)
  }
  try {
    refuseUnknown(context, options.formatOptions)
    if (options.probe !== false) findFacts(ffmpeg, context, context.streams, options.probe === true)
    return context
  } catch (error) {
    context.closeInputSync()
    throw error
  }
}

/** As FFmpeg takes it: 0 is for ever. */
function microseconds(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? '0' : String(Math.ceil(ms * 1000))
}

/** @throws MediaError `ERR_READ` where it is the file that is missing or not to be read */
function refuseUnreadable(path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw new MediaError('ERR_READ', (error as Error).message, { cause: error })
  }
}

interface Place {
  readonly url: string
  readonly protocols: string | undefined
  readonly inspect: (<T>(work: (reader: SyncReader) => T) => T) | undefined
  readonly spilled?: string
}

function placeOf(source: DemuxSource, format: string | undefined): Place {
  if (typeof source === 'string' && format !== undefined && NO_FILE.has(format)) {
    return { url: source, protocols: undefined, inspect: undefined }
  }
  // `file:` in front, else `http:` in a name would be a protocol.
  if (typeof source === 'string') return placeOfFile(source, format)
  if (source instanceof URL) {
    if (source.protocol === 'file:') return placeOfFile(fileURLToPath(source), format)
    if (source.protocol === 'data:')
      return { url: source.href, protocols: 'data', inspect: undefined }
    return { url: source.href, protocols: WEB, inspect: undefined }
  }
  const reader = openReaderSync(source)
  if (reader.size === 0) throw new Error('is empty')
  const spilled = spill(reader)
  return { url: `file:${spilled}`, protocols: 'file', inspect: (work) => work(reader), spilled }
}

/**
 * FFmpeg would wait for a pipe, and read a device without end. A device is read where its format is
 * named.
 */
function placeOfFile(path: string, format: string | undefined): Place {
  try {
    refuseIrregular(path, format !== undefined)
  } catch (error) {
    throw new MediaError('ERR_READ', (error as Error).message, { cause: error })
  }
  return {
    url: `file:${path}`,
    protocols: 'file',
    inspect: (work) => withFile(path, ({ reader }) => work(reader)),
  }
}

function inputFormat({ av }: FFmpeg, name: string | undefined): InputFormat | undefined {
  if (name === undefined) return undefined
  const found = av.InputFormat.findInputFormat(name)
  if (found === null)
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`format\` must be a format that FFmpeg can read, got '${name}'`,
    )
  return found
}

/** FFmpeg ignores options that a format does not have. */
function refuseUnknown(context: FormatContext, options: Readonly<Record<string, string>>): void {
  const unknown = Object.keys(options).filter((name) => context.getOption(name) === null)
  if (unknown.length === 0) return
  const format = context.iformat?.name ?? 'this format'
  throw new MediaError(
    'ERR_BAD_OPTION',
    `\`formatOptions\`: ${format} has no option ${unknown.join(', ')}`,
  )
}

/**
 * Whether a last packet that is cut off is none: of WAV and CAF files that do not tell where they
 * end.
 */
export function endsAnywhere(format: string | null | undefined, source: DemuxSource): boolean {
  if ((format !== 'wav' && format !== 'caf') || !isFileSource(source)) return false
  return withFile(source, ({ reader }) => isOpenEnded(reader))
}

/**
 * FFmpeg takes the samples of big-endian WAV files for little-endian ones. @throws MediaError
 * `ERR_UNSUPPORTED`
 */
export function refuseBigEndian(format: string | null | undefined, source: DemuxSource): void {
  if (format !== 'wav' || !isFileSource(source)) return
  const head = withFile(source, ({ reader }) => reader.read(0, Math.min(4, reader.size)))
  if (Buffer.from(head).toString('latin1') === 'RIFX')
    throw new MediaError(
      'ERR_UNSUPPORTED',
      'a big-endian WAV file (RIFX), which `loadAudio` and `loadWav` read',
    )
}

/** Whether it is a file, or bytes. */
export function isFileSource(source: DemuxSource): boolean {
  return !(source instanceof URL) || source.protocol === 'file:'
}
