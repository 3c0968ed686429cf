import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from './http-error.ts'
import { type ReadUrlOptions, readPlan, urlOf } from './read-url.ts'
import { RESTART, type ReadPlan, Transfer } from './transfer.ts'

/**
 * What a web server has, piece by piece: what {@link readUrl} reads, for bodies that should not be
 * in memory as a whole. `maxBytes` has no limit by default, and time counts while a piece is waited
 * for, not while it is used.
 *
 * A transfer that broke off goes on where it did if the server has the same file still. Otherwise
 * it fails, since pieces have been given.
 *
 * @throws as `readUrl`, `ERR_BAD_OPTION` at once, others while it is iterated
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
 * The pieces of a transfer that cannot begin again once something was given.
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
