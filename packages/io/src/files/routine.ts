import { MediaError } from '../base/errors.ts'
import { nodeZlib } from '../builtins.ts'
import { nextTurn } from '../timers.ts'

/**
 * Reading and writing, written once for both forms: a generator that yields requests. A driver
 * serves them synchronously (`runSync`, for worker ops) or asynchronously (`run`, which never
 * blocks the loop on a file or on zlib). A driver answers with bytes, or throws a failure into the
 * routine. The answer to a `turn` or a `write` is empty.
 */
export type Routine<T, R extends Request = ReadRequest> = Generator<R | WorkRequest, T, Uint8Array>

/** Any request. */
export type Request = ReadRequest | WriteRequest | WorkRequest

/** Requests the bytes of a range inside the file; a driver that gets fewer bytes throws. */
export interface ReadRequest {
  readonly kind: 'read'
  readonly offset: number
  readonly length: number
  /** Memory of that length to fill; otherwise the reader allocates. */
  readonly into?: Uint8Array
}

/** Requests to append bytes. */
export interface WriteRequest {
  readonly kind: 'write'
  readonly chunks: readonly Uint8Array[]
}

/** Requests that need no file. */
export type WorkRequest =
  /** Raw deflate data, and their exact size when inflated. */
  | { readonly kind: 'inflate'; readonly bytes: Uint8Array; readonly size: number }
  | { readonly kind: 'deflate'; readonly chunks: readonly Uint8Array[] }
  /** The routine has computed for about a millisecond: the event loop may take a turn. */
  | { readonly kind: 'turn' }

/** The input of a routine. */
export interface Reader {
  /** Size in bytes. */
  readonly size: number
  /** Whether a result has its own memory, which may be overwritten. */
  readonly isOwn: boolean
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>
  /**
   * Fills memory with the bytes from `offset` on, and returns it. Without this method, the driver
   * copies.
   */
  readInto?(offset: number, into: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** A synchronous reader. */
export interface SyncReader extends Reader {
  read(offset: number, length: number): Uint8Array
  readInto?(offset: number, into: Uint8Array): Uint8Array
}

/** The output of a routine. */
export interface Writer {
  write(chunks: readonly Uint8Array[]): void | Promise<void>
}

/** A synchronous writer. */
export interface SyncWriter extends Writer {
  write(chunks: readonly Uint8Array[]): void
}

/** Requests a turn of the event loop. */
export const TURN: WorkRequest = { kind: 'turn' }

/** Number of bytes that a routine processes between two turns. */
export const TURN_BYTES: number = 1 << 22

const NOTHING = new Uint8Array(0)
/**
 * Passing work to zlib's threads costs about 30 us. Smaller data are inflated faster on the loop.
 */
const SMALL = 1 << 14
/**
 * The same limit for sequential reads, where nothing else runs meanwhile. Inflating this size takes
 * at most a third of a millisecond; passing it to a thread costs as much CPU time as inflating 30
 * KB.
 */
export const SMALL_IN_SEQUENCE: number = 1 << 17
/** Number of bytes inflated on the loop after which it gets a turn: about a millisecond. */
const INFLATED_PER_TURN = 1 << 19
let inflatedSinceTurn = 0

/** Drives a routine to its end, synchronously. */
export function runSync<T, R extends Request>(
  routine: Routine<T, R>,
  file: { readonly reader?: SyncReader; readonly writer?: SyncWriter },
): T {
  for (let step = routine.next(NOTHING); ; ) {
    if (step.done === true) return step.value
    let answer: Uint8Array
    try {
      answer = performSync(step.value, file)
    } catch (error) {
      step = routine.throw(error)
      continue
    }
    step = routine.next(answer)
  }
}

/** The files of an asynchronous driver. */
export interface AsyncFile {
  readonly reader?: Reader
  readonly writer?: Writer
  /** Largest size that is inflated on the loop, in bytes. */
  readonly inflatesOnLoop?: number
}

/**
 * Drives a routine to its end, without blocking the event loop.
 *
 * @throws the signal's reason if it is aborted
 */
export async function run<T, R extends Request>(
  routine: Routine<T, R>,
  file: AsyncFile,
  signal?: AbortSignal,
): Promise<T> {
  for (let step = routine.next(NOTHING); ; ) {
    if (step.done === true) return step.value
    let answer: Uint8Array
    try {
      const performed = perform(step.value, file)
      answer = performed instanceof Uint8Array ? performed : await performed
    } catch (error) {
      step = routine.throw(error)
      continue
    }
    signal?.throwIfAborted()
    step = routine.next(answer)
  }
}

function performSync(
  request: Request,
  file: { reader?: SyncReader; writer?: SyncWriter },
): Uint8Array {
  switch (request.kind) {
    case 'read':
      return readSync(file.reader!, request)
    case 'write':
      file.writer!.write(request.chunks)
      return NOTHING
    case 'inflate':
      return inflated(() => nodeZlib().inflateRawSync(request.bytes, inflateOptions(request.size)))
    case 'deflate':
      return nodeZlib().deflateRawSync(joined(request.chunks))
    case 'turn':
      return NOTHING
  }
}

function perform(request: Request, file: AsyncFile): Uint8Array | Promise<Uint8Array> {
  switch (request.kind) {
    case 'read':
      return read(file.reader!, request)
    case 'write':
      return Promise.resolve(file.writer!.write(request.chunks)).then(() => NOTHING)
    case 'inflate':
      if (request.size <= (file.inflatesOnLoop ?? SMALL)) return inflateOnLoop(request)
      return new Promise((resolve, reject) => {
        nodeZlib().inflateRaw(request.bytes, inflateOptions(request.size), (error, bytes) => {
          if (error === null) resolve(bytes)
          else reject(inflateFault(error))
        })
      })
    case 'deflate':
      return new Promise((resolve, reject) => {
        nodeZlib().deflateRaw(joined(request.chunks), (error, bytes) =>
          error === null ? resolve(bytes) : reject(error),
        )
      })
    case 'turn':
      return nextTurn().then(() => NOTHING)
  }
}

function inflateOnLoop(
  request: Request & { readonly kind: 'inflate' },
): Uint8Array | Promise<Uint8Array> {
  const bytes = performSync(request, {})
  inflatedSinceTurn += request.size
  if (inflatedSinceTurn < INFLATED_PER_TURN) return bytes
  inflatedSinceTurn = 0
  return nextTurn().then(() => bytes)
}

function readSync(reader: SyncReader, { offset, length, into }: ReadRequest): Uint8Array {
  if (into === undefined) return reader.read(offset, length)
  return reader.readInto?.(offset, into) ?? filled(into, reader.read(offset, length))
}

function read(
  reader: Reader,
  { offset, length, into }: ReadRequest,
): Uint8Array | Promise<Uint8Array> {
  if (into === undefined) return reader.read(offset, length)
  if (reader.readInto !== undefined) return reader.readInto(offset, into)
  const bytes = reader.read(offset, length)
  return bytes instanceof Uint8Array
    ? filled(into, bytes)
    : bytes.then((later) => filled(into, later))
}

function filled(into: Uint8Array, bytes: Uint8Array): Uint8Array {
  into.set(bytes)
  return into
}

/**
 * One chunk of exactly the expected size (plus one byte, so that zlib sees the end), so that no
 * copy joins chunks. It is never so small that it would come from Node's pool of small buffers,
 * whose memory cannot be transferred.
 */
function inflateOptions(size: number): { maxOutputLength: number; chunkSize: number } {
  return { maxOutputLength: Math.max(1, size), chunkSize: Math.max(Buffer.poolSize, size + 1) }
}

function inflated(inflate: () => Buffer): Buffer {
  try {
    return inflate()
  } catch (error) {
    throw inflateFault(error)
  }
}

function inflateFault(error: unknown): MediaError {
  const { code, message } = error as Error & { code?: string }
  const problem =
    code === 'ERR_BUFFER_TOO_LARGE' ? 'they inflate to more than the directory says' : message
  return new MediaError('ERR_DECODE', `damaged deflate data: ${problem}`, { cause: error })
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}
