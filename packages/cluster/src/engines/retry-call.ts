import type { EntryCallOptions } from '../entries/entry-store.ts'
import { ClusterError, messageOf } from '../errors.ts'
import { pause } from '../timers.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000
/** About a minute: the restart of a server, and its recovery. */
const MOST_TRIES = 60
/** Without a first answer: the server may not exist. */
const MOST_FIRST_TRIES = 5
/** Servers that have answered this process. */
const known = new Set<string>()

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
      const answer = await untilAborted(call(), signal)
      known.add(url)
      return answer
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ClusterError) throw error
      if (isStarting(error)) known.add(url)
      const most = known.has(url) ? MOST_TRIES : MOST_FIRST_TRIES
      if (tries >= most || !isTransient(error))
        throw new ClusterError('ERR_LEDGER', `${url}: ${messageOf(error)}`, { cause: error })
    }
    await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)), signal)
  }
}

/** The answer of a server that exists and is not ready yet. */
function isStarting(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: unknown; message?: string }
  return /^57P0[123]/.test(String(code)) || message.startsWith('LOADING')
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
