import fs, { type Stats } from 'node:fs'
import { dirname } from 'node:path'

/**
 * File operations, written once for both forms: a generator that yields calls. `runSync` makes the
 * calls synchronously, `run` makes them without blocking the event loop. It may also yield several
 * works, which run in parallel.
 */
export type FileWork<T> = Generator<Call | readonly FileWork<void>[], T, unknown>

/** The functions of `node:fs` in use, in their synchronous form. */
interface Calls {
  open(path: string, flags: string): number
  writev(fd: number, chunks: readonly Uint8Array[]): number
  fsync(fd: number): void
  close(fd: number): void
  rename(from: string, to: string): void
  unlink(path: string): void
  mkdir(path: string, options: { recursive: true }): string | undefined
  readdir(path: string): string[]
  readFile(path: string, encoding: 'utf8'): string
  access(path: string, mode?: number): void
  lstat(path: string): Stats
  realpath(path: string): string
  rmdir(path: string): void
}

interface Call {
  readonly name: keyof Calls
  readonly args: readonly unknown[]
}

/** Makes one call of `node:fs`. */
export function* call<N extends keyof Calls>(
  name: N,
  ...args: Parameters<Calls[N]>
): FileWork<ReturnType<Calls[N]>> {
  return (yield { name, args }) as ReturnType<Calls[N]>
}

/** Runs several works, in parallel where the form allows it. */
export function* all(works: readonly FileWork<void>[]): FileWork<void> {
  if (works.length > 0) yield works
}

/** Appends all the bytes. */
export function* writeAll(fd: number, chunks: readonly Uint8Array[]): FileWork<void> {
  // One call writes less than 2 GiB and takes at most 1024 chunks.
  for (let rest = chunks.filter(({ byteLength }) => byteLength > 0); rest.length > 0; ) {
    let written = yield* call('writev', fd, pieces(rest))
    const left: Uint8Array[] = []
    for (const chunk of rest) {
      if (written < chunk.byteLength) left.push(chunk.subarray(written))
      written = Math.max(0, written - chunk.byteLength)
    }
    rest = left
  }
}

/** Makes a file with these bytes. It is not durable until it is synced. */
export function* makeFile(path: string, chunks: readonly Uint8Array[]): FileWork<void> {
  const fd = yield* call('open', path, 'w')
  try {
    yield* writeAll(fd, chunks)
  } finally {
    yield* call('close', fd)
  }
}

/**
 * Syncs a file: when it ends, the file's bytes are on the disk, even if another process wrote them.
 */
export function* syncFile(path: string): FileWork<void> {
  const fd = yield* call('open', path, 'r+')
  try {
    yield* call('fsync', fd)
  } finally {
    yield* call('close', fd)
  }
}

/**
 * Syncs a folder: when it ends, its names are on the disk. Windows has no such call and keeps names
 * in a journal of its own.
 */
export function* syncFolder(path: string): FileWork<void> {
  if (process.platform === 'win32') return
  const fd = yield* call('open', path, 'r')
  try {
    yield* call('fsync', fd)
  } finally {
    yield* call('close', fd)
  }
}

/** Makes a folder and its missing parents, and syncs them. */
export function* makeFolder(path: string): FileWork<void> {
  const first = yield* call('mkdir', path, { recursive: true })
  if (first === undefined) return
  const top = dirname(first)
  for (let above = dirname(path); ; above = dirname(above)) {
    yield* syncFolder(above)
    if (above === top || above === dirname(above)) return
  }
}

/** Whether an error says that a file does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
}

/** Runs the work synchronously. */
export function runSync<T>(work: FileWork<T>): T {
  for (let step = work.next(); ; ) {
    if (step.done === true) return step.value
    let answer: unknown
    try {
      answer =
        'name' in step.value ? callSync(step.value) : step.value.forEach((one) => runSync(one))
    } catch (error) {
      step = work.throw(error)
      continue
    }
    step = work.next(answer)
  }
}

/** Runs the work without blocking the event loop. */
export async function run<T>(work: FileWork<T>): Promise<T> {
  for (let step = work.next(); ; ) {
    if (step.done === true) return step.value
    let answer: unknown
    try {
      answer = await ('name' in step.value ? callAsync(step.value) : runSeveral(step.value))
    } catch (error) {
      step = work.throw(error)
      continue
    }
    step = work.next(answer)
  }
}

/** Number of parallel works: Node's default number of threads for files. */
const LANES = 4

async function runSeveral(works: readonly FileWork<void>[]): Promise<void> {
  const left = works.values()
  const lanes = Array.from({ length: Math.min(LANES, works.length) }, async () => {
    for (const work of left) await run(work)
  })
  // All lanes end before a failure is reported, so that nothing uses the files afterwards.
  const ends = await Promise.allSettled(lanes)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

function callSync({ name, args }: Call): unknown {
  return (fs[`${name}Sync`] as (...args: readonly unknown[]) => unknown)(...args)
}

function callAsync({ name, args }: Call): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error | null, result: unknown): void => {
      if (error === null || error === undefined) resolve(result)
      else reject(error)
    }
    ;(fs[name] as (...args: readonly unknown[]) => void)(...args, callback)
  })
}

const MAX_WRITE = 1 << 30
const MAX_CHUNKS = 1024

function pieces(chunks: readonly Uint8Array[]): Uint8Array[] {
  let room = MAX_WRITE
  const taken: Uint8Array[] = []
  for (const chunk of chunks) {
    if (room === 0 || taken.length === MAX_CHUNKS) break
    const piece = chunk.subarray(0, room)
    taken.push(piece)
    room -= piece.byteLength
  }
  return taken
}
