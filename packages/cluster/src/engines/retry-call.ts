import type { EntryCallOptions } from '../entries/entry-store.ts'
import { ClusterError, messageOf } from '../errors.ts'
import { pause } from '../timers.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000
/** About eight seconds: the restart of a server. */
const MOST_TRIES = 12

/**
 * Calls a server, and again while it cannot be reached. Every call of an `EntryStore` may be
 * repeated: the log of a shard recognizes an entry of its own.
 *
 * @param isTransient whether the server may answer later
 * @throws `ERR_LEDGER` if the server refuses, or stays away; the signal's reason
 */
export async function retryCall<T>(
  url: string,
  call: () => Promise<T>,
  isTransient: (error: unknown) => boolean,
  { signal }: EntryCallOptions = {},
): Promise<T> {
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted()
    try {
      return await untilAborted(call(), signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ClusterError) throw error
      if (tries === MOST_TRIES || !isTransient(error))
        throw new ClusterError('ERR_LEDGER', `${url}: ${messageOf(error)}`, { cause: error })
    }
    await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)), signal)
  }
}

/** Rejects with the signal's reason when it is aborted; the call itself runs to its end. */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return call
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
