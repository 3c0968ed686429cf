import { fileURLToPath } from 'node:url'
import { MediaError } from '../base/errors.ts'
import { type OpenSyncReader, openReaderSync } from './reader.ts'
import type { SyncSource } from './source.ts'

/** A source that is open for reading. */
export interface OpenFile {
  readonly reader: OpenSyncReader
  /** Where it is; `undefined` for bytes in memory. */
  readonly path: string | undefined
}

/** An input that comes through a socket, once, from its beginning to its end. */
export interface StreamInput {
  /** Where FFmpeg connects to. */
  readonly url: string
}

/**
 * Opens a source, whose reader is to be closed. Faults do not name it. @throws MediaError
 * `ERR_READ`
 */
export function openFile(source: SyncSource): OpenFile {
  try {
    return { reader: openReaderSync(source), path: pathOf(source) }
  } catch (error) {
    throw withoutSource(error)
  }
}

/**
 * Opens a source, and closes it when the work is done. Faults do not name it. @throws MediaError
 * `ERR_READ`
 */
export function withFile<T>(source: SyncSource, work: (file: OpenFile) => T): T {
  try {
    const reader = openReaderSync(source)
    try {
      return work({ reader, path: pathOf(source) })
    } finally {
      reader.close()
    }
  } catch (error) {
    throw withoutSource(error)
  }
}

function pathOf(source: SyncSource): string | undefined {
  if (typeof source === 'string') return source
  return source instanceof URL ? fileURLToPath(source) : undefined
}

/** The same fault without the name of the source, which whoever knows it adds. */
function withoutSource(error: unknown): unknown {
  if (!(error instanceof MediaError) || error.source === undefined || error.cause === undefined)
    return error
  return new MediaError(error.code, (error.cause as Error).message, { cause: error.cause })
}
