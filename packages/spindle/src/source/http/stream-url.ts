import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from './http-error.ts'
import { type ReadUrlOptions, readPlan, urlOf } from './read-url.ts'
import { RESTART, type ReadPlan, Transfer } from './transfer.ts'

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
  options: Omit<ReadUrlOptions, 'range'> = {},
): AsyncIterable<Uint8Array> {
  const plan = readPlan({ maxBytes: Number.POSITIVE_INFINITY, ...options })
  const place = urlOf(url)
  return { [Symbol.asyncIterator]: () => piecesOf(place, plan) }
}

/**
 * The pieces of a transfer that cannot start again after its first piece was given.
 *
 * @param check is called with the transfer before its first piece
 */
export async function* piecesOf(
  url: URL,
  plan: ReadPlan,
  check: (transfer: Transfer) => void = () => {},
): AsyncGenerator<Uint8Array, void, void> {
  const transfer = new Transfer(url, plan)
  let isFirst = true
  for await (const piece of transfer.pieces()) {
    if (piece === RESTART) {
      const problem = 'it broke off, and the server does not tell that it has the same file still'
      throw new HttpError(`${urlForMessages(url)}: ${problem}`, undefined, {
        cause: transfer.lastFailure,
      })
    }
    if (isFirst) check(transfer)
    isFirst = false
    yield piece
  }
}
