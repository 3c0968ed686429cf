import type { Readable } from 'node:stream'
import { currentCall, ThreadPool, type WorkerOp } from 'spindle'
import { errorOf, type Fault, MediaError, mediaError, nameSource } from '../base/errors.ts'
import type { SyncSource } from '../files/source.ts'
import type { Fetching } from '../files/url-options.ts'
import { LiveFeed } from '../streaming-input/live-feed.ts'
import {
  describeStreamSource,
  openSource,
  type StreamSource,
} from '../streaming-input/live-source.ts'
import { runInPool } from './pool.ts'

/** How long a thread may take to come out of a call when its input has been closed. */
const GRACE_MS = 30_000

/** What is read in a thread, piece by piece. */
export interface PieceOps<T, P> {
  readonly file: WorkerOp<{ readonly source: SyncSource; readonly target: T }, Generator<P | Fault>>
  readonly live: WorkerOp<{ readonly url: string; readonly target: T }, AsyncGenerator<P | Fault>>
  /** What FFmpeg is to get of a live input. Default: all of it as it is. */
  readonly prepare?: (bytes: Readable) => Readable
}

/**
 * The pieces of a source, made in a thread as they are pulled, and a few ahead: of a file in the
 * pool that all functions share, of bytes that come by and by in a thread of their own, because it
 * waits for them. Leaving the loop closes decoder, file and stream.
 */
export async function* piecesOf<T, P extends object>(
  source: StreamSource,
  target: T,
  ops: PieceOps<T, P>,
  fetching: Fetching,
): AsyncGenerator<P> {
  const caller = currentCall()
  const { signal } = fetching
  const name = describeStreamSource(source)
  signal?.throwIfAborted()
  const opened = await openSource(source, fetching)
  if (opened.kind === 'file') {
    const job = { source: opened.source, target }
    const pieces: unknown = await runInPool(ops.file, job, signal, caller)
    yield* relay(pieces as AsyncGenerator<P | Fault>, name, signal)
    return
  }
  const feed = await LiveFeed.open(ops.prepare?.(opened.bytes) ?? opened.bytes)
  const pool = new ThreadPool({ size: 1, maxDeaths: 1, graceMs: GRACE_MS })
  const end = (): void => feed.close()
  signal?.addEventListener('abort', end)
  try {
    const { href: filename, exportName } = ops.live
    const call = { filename, name: exportName, signal: signal ?? never }
    const pieces = pool.run({ url: feed.url, target }, call) as Promise<AsyncGenerator<P | Fault>>
    yield* relay(await pieces, name, signal, end)
    if (feed.failure !== undefined) throw inputFault(feed.failure, name)
  } catch (error) {
    signal?.throwIfAborted()
    throw feed.failure === undefined ? error : inputFault(feed.failure, name)
  } finally {
    signal?.removeEventListener('abort', end)
    feed.close()
    await pool.close()
  }
}

function inputFault(failure: Error, name: string): MediaError {
  const isNamed = failure instanceof MediaError && failure.source === undefined
  return isNamed ? nameSource(failure, name) : mediaError('ERR_READ', name, failure)
}

const never: AbortSignal = new AbortController().signal

async function* relay<P extends object>(
  pieces: AsyncGenerator<P | Fault>,
  name: string,
  signal: AbortSignal | undefined,
  beforeReturn?: () => void,
): AsyncGenerator<P> {
  const { promise: aborted, forget } = whenAborted(signal)
  try {
    for (;;) {
      const step = await Promise.race([pieces.next(), aborted])
      signal?.throwIfAborted()
      if (step === undefined || step.done === true) return
      if ('problem' in step.value) throw errorOf(step.value, name)
      yield step.value
    }
  } finally {
    forget()
    beforeReturn?.()
    await pieces.return(undefined)
  }
}

/** Resolves when a signal is aborted, and holds nothing once it is forgotten. */
function whenAborted(signal: AbortSignal | undefined): {
  readonly promise: Promise<undefined>
  forget(): void
} {
  let tell: () => void = () => {}
  const promise = new Promise<undefined>((resolve) => {
    tell = () => resolve(undefined)
  })
  signal?.addEventListener('abort', tell)
  return { promise, forget: () => signal?.removeEventListener('abort', tell) }
}
