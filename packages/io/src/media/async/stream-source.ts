import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { badOption, MediaError } from '../../errors.ts'
import {
  checkSource,
  describeSource,
  localSource,
  type MediaSource,
  readSource,
  type SyncSource,
} from '../../source.ts'

/** A source, or bytes as they come: a Node stream, a web stream, any async iterable of bytes. */
export type StreamedSource = MediaSource | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** A source that another thread can read, and what is to be done when it has. */
export interface LocalSource {
  readonly source: SyncSource
  readonly name: string
  readonly release: () => Promise<void>
}

/**
 * Makes a source readable for another thread. Containers are read here and there, so a stream is put in a file first, to its end: in the system's folder for
 * such files, of which nothing is left afterwards.
 *
 * @throws MediaError `ERR_READ`; `signal.reason` when aborted
 */
export async function localize(
  source: StreamedSource,
  signal: AbortSignal | undefined,
): Promise<LocalSource> {
  if (!isStream(source)) {
    checkSource(source, 'source')
    const release = async (): Promise<void> => {}
    const name = describeSource(source)
    // FFmpeg fetches what it needs of a web address by itself.
    if (source instanceof URL && /^https?:$/.test(source.protocol)) return { source, name, release }
    return {
      source: localSource(source) ?? (await readSource(source, signal === undefined ? {} : { signal })),
      name,
      release,
    }
  }
  const path = join(tmpdir(), `spindle-${randomBytes(12).toString('hex')}`)
  const release = (): Promise<void> => rm(path, { force: true })
  try {
    const from = source instanceof ReadableStream ? Readable.fromWeb(source as never) : Readable.from(source)
    await pipeline(
      from,
      createWriteStream(path, { flags: 'wx', mode: 0o600 }),
      signal === undefined ? {} : { signal },
    )
    return { source: path, name: 'a stream', release }
  } catch (error) {
    await release()
    signal?.throwIfAborted()
    throw new MediaError('ERR_READ', `a stream: ${(error as Error).message}`, {
      source: 'a stream',
      cause: error,
    })
  }
}

function isStream(source: unknown): source is ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof source !== 'object' || source === null || source instanceof Blob) return false
  if (source instanceof ReadableStream) {
    if (source.locked) throw badOption('source', 'a stream that nobody reads', 'a locked ReadableStream')
    return true
  }
  return Symbol.asyncIterator in source
}
