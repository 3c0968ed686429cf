import type { Readable } from 'node:stream'
import type { WorkerOp } from 'spindle'
import { currentCall } from 'spindle/worker'
import { errorOf, type Fault, MediaError, mediaError, nameSource } from '../base/errors.ts'
import { placed } from '../files/placed.ts'
import { type Fetching, fetchingOf, type UrlOptions } from '../files/url-options.ts'
import {
  checkStreamSource,
  describeStreamSource,
  openSource,
  type StreamSource,
} from '../streaming-input/stream-source.ts'
import { StreamingInput } from '../streaming-input/streaming-input.ts'
import type { CallOptions, MediaFunction, SourceJob, StreamJob } from './media-function.ts'
import { runInPool } from './pool.ts'
import { enterThreads, leaveThreads } from './video-threads.ts'

/**
 * Longest time that a thread may take to end a call after its input was closed, in milliseconds.
 */
const GRACE_MS = 30_000

/** The ops that make a stream of chunks in a thread. */
export interface StreamOps<J, R> {
  readonly file: WorkerOp<SourceJob<J>, Generator<R | Fault>>
  readonly stream: WorkerOp<StreamJob<J>, AsyncGenerator<R | Fault>>
  /** Prepares a byte stream for FFmpeg. Default: unchanged. */
  readonly prepare?: (bytes: Readable) => Readable
}

/**
 * The asynchronous form of a function that yields chunks. Arguments are checked at once. Chunks are
 * made in a thread as they are pulled, plus a few ahead. Files use the pool that all functions
 * share. A byte stream uses its own thread, because that thread waits for bytes. Leaving the loop
 * closes decoder, file and stream.
 */
export function streamInPool<
  O extends CallOptions & UrlOptions,
  C,
  J extends object,
  R extends object,
  V,
>(
  form: MediaFunction<O, C, J, R, V>,
  ops: StreamOps<J, R>,
  given: StreamSource,
  givenOptions: O,
): AsyncGenerator<V, void, undefined> {
  checkStreamSource(given)
  const checked = form.check(givenOptions)
  const { source, options } = placed(given, givenOptions)
  const job = form.job(checked, options, true)
  const fetching = fetchingOf(options)
  const name = describeStreamSource(source)
  const threads = form.threads?.(checked)
  return (async function* chunks() {
    if (threads !== undefined) enterThreads(threads)
    try {
      for await (const chunk of chunksOf(source, name, job, ops, fetching))
        yield form.value(chunk, checked, name)
    } finally {
      if (threads !== undefined) leaveThreads()
    }
  })()
}

async function* chunksOf<J extends object, R extends object>(
  source: StreamSource,
  name: string,
  job: J,
  ops: StreamOps<J, R>,
  fetching: Fetching,
): AsyncGenerator<R> {
  const caller = currentCall()
  const { signal } = fetching
  signal?.throwIfAborted()
  const opened = await openSource(source, fetching)
  if (opened.kind === 'file') {
    const posted = { ...job, source: opened.source }
    const chunks: unknown = await runInPool(ops.file, posted, signal, caller)
    yield* relay(chunks as AsyncGenerator<R | Fault>, name, signal)
    return
  }
  const feed = await StreamingInput.open(ops.prepare?.(opened.bytes) ?? opened.bytes)
  const { ThreadPool } = await import('spindle/threads')
  const pool = new ThreadPool({ size: 1, maxDeaths: 1, graceMs: GRACE_MS })
  const end = (): void => feed.close()
  signal?.addEventListener('abort', end)
  try {
    const { href: filename, exportName } = ops.stream
    const call = { filename, name: exportName, signal: signal ?? never }
    const chunks = pool.run({ ...job, url: feed.url }, call) as Promise<AsyncGenerator<R | Fault>>
    yield* relay(await chunks, name, signal, end)
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

async function* relay<R extends object>(
  pieces: AsyncGenerator<R | Fault>,
  name: string,
  signal: AbortSignal | undefined,
  beforeReturn?: () => void,
): AsyncGenerator<R> {
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

/** Resolves when a signal is aborted. It holds no reference after it is released. */
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
