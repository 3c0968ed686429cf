import { mustBe, show } from 'spindle/options'
import { SpindleError } from 'spindle/worker'

/** Stable codes of the errors that `@spindle/io` throws. */
export type MediaErrorCode =
  /** The bytes are not in the expected format, or are damaged or truncated. */
  | 'ERR_DECODE'
  /** The file, URL or Blob could not be read. */
  | 'ERR_READ'
  /** The file could not be written. */
  | 'ERR_WRITE'
  /** The library could not encode the data. */
  | 'ERR_ENCODE'
  /** A feature that is not supported (the message names it), or more memory than there is. */
  | 'ERR_UNSUPPORTED'
  /** A member of an archive, a picture, a sound or a result is larger than an option allows. */
  | 'ERR_TOO_LARGE'
  /** A saved index belongs to another state of the archive. */
  | 'ERR_STALE_INDEX'
  /** The library that decodes is not installed. */
  | 'ERR_BACKEND_MISSING'
  /** An archive has no member with that name. */
  | 'ERR_NO_MEMBER'
  /** An object was used after it was closed. */
  | 'ERR_BAD_STATE'
  /** An option or argument breaks its rule. */
  | 'ERR_BAD_OPTION'

/** An unusable file or option. `source` names the file. */
export class MediaError extends SpindleError {
  override readonly name: string = 'MediaError'
  declare readonly code: MediaErrorCode
  /**
   * The source in messages: a path, a URL, or a number of bytes. `undefined` if the fault is not in
   * a source.
   */
  readonly source: string | undefined
  /**
   * True for `ERR_BACKEND_MISSING`. No file is at fault, so a pipeline neither tolerates nor
   * retries this error.
   */
  declare readonly isInfrastructure?: true

  constructor(
    code: MediaErrorCode,
    message: string,
    options?: ErrorOptions & { readonly source?: string },
  ) {
    super(code, message, options)
    this.source = options?.source
    if (code === 'ERR_BACKEND_MISSING') Object.assign(this, { isInfrastructure: true })
  }
}

/** Builds the error of an option: `` `width` must be an integer from 1 to 32768, got 0 ``. */
export function badOption(name: string, rule: string, value: unknown): MediaError {
  return new MediaError('ERR_BAD_OPTION', mustBe(name, rule, value))
}

/** Builds the error of a source: `cat.jpg: what the library said`. */
export function mediaError(code: MediaErrorCode, source: string, problem: unknown): MediaError {
  return new MediaError(
    code,
    `${source}: ${problem instanceof Error ? problem.message : String(problem)}`,
    {
      source,
      ...(problem instanceof Error ? { cause: problem } : {}),
    },
  )
}

/** A failure without the source's name, as plain data that a worker thread can post. */
export interface Fault {
  readonly code: MediaErrorCode
  readonly problem: string
}

/** Converts an error to plain data. */
export function faultOf(error: unknown): Fault {
  const { message: problem } = error instanceof Error ? error : { message: String(error) }
  return { code: error instanceof MediaError ? error.code : 'ERR_DECODE', problem }
}

/** Adds the source's name to an error. Its cause is the library's own error. */
export function nameSource(error: unknown, source: string): MediaError {
  const { code, problem } = faultOf(error)
  const cause = error instanceof MediaError ? (error.cause ?? error) : error
  return new MediaError(code, `${source}: ${problem}`, { source, cause })
}

/** Builds the error of a fault from another thread, with the name of its source. */
export function errorOf({ code, problem }: Fault, source: string): MediaError {
  return new MediaError(code, `${source}: ${problem}`, { source, cause: new Error(problem) })
}

/**
 * Adds the source to an error of code that does not know it. Parsers throw without a source, and
 * the caller that has the source catches once. So the success path describes nothing.
 */
export function withSource(error: unknown, source: string): unknown {
  if (!(error instanceof MediaError) || error.source !== undefined) return error
  return new MediaError(error.code, `${source}: ${error.message}`, {
    source,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  })
}

/** The error for a damaged file. The caller adds the source. */
export function damaged(problem: string): MediaError {
  return new MediaError('ERR_DECODE', problem)
}

/** A value in an error message: short, on one line. */
export const printValue: (value: unknown) => string = show

const LICENCES: Readonly<Record<string, string>> = {
  'node-av': 'MIT; the FFmpeg in it is a GPL-3.0 build',
  sharp: 'Apache-2.0; the libvips in it is LGPL-3.0',
  '@uwdata/flechette': 'BSD-3-Clause',
  hyparquet: 'MIT',
  'hyparquet-writer': 'MIT',
}

/** The licence of an optional peer and of what it contains. */
export function licenceOf(library: string): string {
  return LICENCES[library] ?? 'unknown'
}

/** What is wrong when a library cannot be imported, in one line. */
export function missingBackend(backend: string, library: string, error: unknown): MediaError {
  const { code, message = String(error) } = (error ?? {}) as NodeJS.ErrnoException
  // Bundlers throw errors of their own without a code.
  const isNotFound =
    code === 'ERR_MODULE_NOT_FOUND' ||
    code === 'MODULE_NOT_FOUND' ||
    /^Cannot find (?:module|package)/.test(message)
  const problem =
    isNotFound && new RegExp(`['"]${library}(?:['"/])`).test(message)
      ? `which is not installed: run \`npm install ${library}\` (licence: ${licenceOf(library)})`
      : `which is installed but does not load: ${message.split('\n', 1)[0]}`
  return new MediaError(
    'ERR_BACKEND_MISSING',
    `the ${backend} backend needs ${library}, ${problem}`,
    {
      cause: error,
    },
  )
}
