import { checkInteger } from '../../check.ts'
import { HttpError } from './http-error.ts'
import { readAhead } from './read-ahead.ts'
import { type ReadUrlOptions, readPlan, refuseLarge, urlOf } from './read-url.ts'
import { RemoteFile } from './remote-file.ts'
import type { ReadPlan } from './transfer.ts'
import { piecesOf } from './transfer-pieces.ts'

/** Options of {@link streamUrl}. */
export interface StreamUrlOptions extends Omit<ReadUrlOptions, 'range'> {
  /**
   * Bytes that may be read ahead of what was taken, by up to 8 requests at a time, an integer >= 0.
   * On a server that is far away, this is several times faster. Default 0: one request.
   */
  readonly readAheadBytes?: number
}

/**
 * Reads a URL piece by piece, for bodies that are too large for memory. It takes the options of
 * {@link readUrl} except `range`; `maxBytes` has no default limit. Time limits count while the
 * stream waits for a piece, not while the caller uses one.
 *
 * A broken transfer continues where it stopped if the server still has the same file. Otherwise it
 * fails, because pieces were already given.
 *
 * @throws `ERR_BAD_OPTION` at once; other errors as `readUrl`, during iteration
 *
 * @example
 * ```ts
 * for await (const piece of streamUrl('https://example.org/train.tar')) hash.update(piece)
 * ```
 */
export function streamUrl(
  url: string | URL,
  { readAheadBytes = 0, ...options }: StreamUrlOptions = {},
): AsyncIterable<Uint8Array> {
  const plan = readPlan({ maxBytes: Number.POSITIVE_INFINITY, ...options })
  checkInteger('readAheadBytes', readAheadBytes, 0)
  const place = urlOf(url)
  return {
    [Symbol.asyncIterator]: () =>
      readAheadBytes === 0 ? piecesOf(place, plan) : piecesAhead(place, plan, readAheadBytes),
  }
}

/** The pieces by ranges, several at a time; by one request if the server sends no ranges. */
async function* piecesAhead(
  url: URL,
  plan: ReadPlan,
  windowBytes: number,
): AsyncGenerator<Uint8Array, void, void> {
  const { signal, range: _, ...others } = plan
  const file = await RemoteFile.open(url, {
    ...others,
    ...(signal !== undefined && { signal }),
  }).catch((error) => {
    if (error instanceof HttpError && (error.status === 200 || error.status === 206)) return
    throw error
  })
  if (file === undefined) return yield* piecesOf(url, plan)
  refuseLarge(file.size, plan.maxBytes, url)
  yield* readAhead(file, [0, file.size], windowBytes, signal)
}
