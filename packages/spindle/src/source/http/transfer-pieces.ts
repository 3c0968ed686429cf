import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from './http-error.ts'
import { RESTART, type ReadPlan, Transfer } from './transfer.ts'

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
