import { createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { badOption, MediaError } from '../base/errors.ts'
import { nodeCrypto } from '../builtins.ts'
import { checkSource, describeSource, localSource, type SyncSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { removeAtExit, removeSpilled } from '../files/spill.ts'
import type { Fetching } from '../files/url-options.ts'
import { isByteStream, readable, type StreamSource } from './stream-source.ts'
import { WebFeed } from './web-feed.ts'

/** A source that another thread can read, and its cleanup. */
export interface LocalSource {
  readonly source: SyncSource
  readonly name: string
  readonly release: () => Promise<void>
  /** The error of the web server that it comes from. */
  readonly failure: () => MediaError | undefined
}

/**
 * Makes a source readable for another thread. Containers are read at any position, so a stream is
 * first written to a temporary file, to its end. The file is removed afterwards.
 *
 * @throws MediaError `ERR_READ`; `signal.reason` if aborted
 */
export async function localize(source: StreamSource, fetching: Fetching): Promise<LocalSource> {
  const { signal } = fetching
  const failure = (): undefined => undefined
  if (!isByteStream(source)) {
    checkSource(source, 'source')
    const release = async (): Promise<void> => {}
    const name = describeSource(source)
    if (source instanceof URL && /^https?:$/.test(source.protocol))
      return fetched(source, name, fetching)
    return {
      source: localSource(source) ?? (await readSource(source, fetching)),
      name,
      release,
      failure,
    }
  }
  if (source instanceof ReadableStream && source.locked)
    throw badOption('source', 'a stream that nobody reads', 'a locked ReadableStream')
  const path = join(
    tmpdir(),
    `spindle-${process.pid}-${nodeCrypto().randomBytes(12).toString('hex')}`,
  )
  removeAtExit(path)
  const release = async (): Promise<void> => removeSpilled(path)
  try {
    await pipeline(
      readable(source),
      createWriteStream(path, { flags: 'wx', mode: 0o600 }),
      signal === undefined ? {} : { signal },
    )
    return { source: path, name: 'a stream', release, failure }
  } catch (error) {
    await release()
    signal?.throwIfAborted()
    throw new MediaError('ERR_READ', `a stream: ${(error as Error).message}`, {
      source: 'a stream',
      cause: error,
    })
  }
}

/** FFmpeg fetches the parts of a web address that it needs, through this process. */
async function fetched(url: URL, name: string, fetching: Fetching): Promise<LocalSource> {
  const { signal } = fetching
  const feed = await WebFeed.open(url, fetching)
  const close = (): void => feed.close()
  signal?.addEventListener('abort', close)
  return {
    source: new URL(feed.href),
    name,
    release: async () => {
      signal?.removeEventListener('abort', close)
      close()
    },
    failure: () => feed.failure,
  }
}
