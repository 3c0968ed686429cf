import {
  close as closeFd,
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  type Stats,
  statSync,
} from 'node:fs'

/** A file that is open, and how many bytes it has. */
export interface RegularFile {
  readonly fd: number
  readonly size: number
}

/**
 * Most bytes that are read at once as a whole: what Node reads into one buffer on all its versions.
 */
export const MAX_WHOLE: number = 2 ** 31 - 1

/** Opening a pipe to which nobody writes must not wait for somebody; files are opened as ever. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

/** Something that cannot be read because of what it is. */
export class NotReadable extends Error {
  readonly code: 'ERR_READ' | 'ERR_TOO_LARGE'

  constructor(message: string, code: 'ERR_READ' | 'ERR_TOO_LARGE' = 'ERR_READ') {
    super(message)
    this.code = code
  }
}

/**
 * Opens a regular file. What is none (a pipe, a socket, a device, a folder) is refused and never
 * waited for: reading it might take for ever, or never end.
 *
 * @throws NotReadable; what `fs.open` throws
 */
export function openRegularSync(path: string | URL): RegularFile {
  const fd = explained(path, () => openSync(path, FLAGS))
  try {
    return { fd, size: sizeOf(fstatSync(fd)) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** {@link openRegularSync} without holding the loop. */
export async function openRegular(path: string | URL): Promise<RegularFile> {
  const fd = await called<number>((done) => open(path, FLAGS, done)).catch((error) => {
    throw explain(path, error)
  })
  try {
    return { fd, size: sizeOf(await called<Stats>((done) => fstat(fd, done))) }
  } catch (error) {
    await called<void>((done) => closeFd(fd, (failure) => done(failure))).catch(() => {})
    throw error
  }
}

/**
 * Refuses what is not a regular file, for others that open it by its name. Nothing is said of what
 * is not there: they do.
 *
 * @param allowsDevice whether a device is let through
 * @throws NotReadable
 */
export function refuseIrregular(path: string, allowsDevice: boolean): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || (allowsDevice && (stats.isCharacterDevice() || stats.isBlockDevice())))
    return
  sizeOf(stats)
}

/**
 * Refuses to read a whole file that is too large for one buffer, before it is read. @throws
 * NotReadable `ERR_TOO_LARGE`
 */
export function refuseHuge(size: number): void {
  if (size <= MAX_WHOLE) return
  const problem = `has ${size} bytes, and is read as a whole, which is possible for ${MAX_WHOLE} at most`
  throw new NotReadable(problem, 'ERR_TOO_LARGE')
}

/** What a file that is not regular is called. */
function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a pipe (FIFO)'
  if (stats.isSocket()) return 'a socket'
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'a device'
  return 'something else'
}

function sizeOf(stats: Stats): number {
  if (stats.isFile()) return stats.size
  if (stats.isDirectory()) throw new NotReadable('is not a regular file but a folder (EISDIR)')
  throw new NotReadable(`is not a regular file but ${kindOf(stats)}`)
}

function explained<T>(path: string | URL, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw explain(path, error)
  }
}

/** Says what a code of the system means where that is not seen. */
function explain(path: string | URL, error: unknown): unknown {
  const { code } = error as { code?: unknown }
  if (code === 'ENXIO' || code === 'EOPNOTSUPP')
    return new NotReadable(`is not a regular file but a socket or a pipe (${code})`)
  if (code === 'ENOENT' && String(path).includes('\ufffd'))
    return new NotReadable(
      `${(error as Error).message}. A name that is not UTF-8 is listed with "\ufffd" in it, and cannot be opened by that: rename the file`,
    )
  return error
}

/**
 * A call of `node:fs` as a promise. The callback API costs a third of `fs.promises` for small
 * files.
 *
 * @param explain what is rejected with instead of the error
 */
export function called<T>(
  work: (done: (error: Error | null | undefined, value?: T) => void) => void,
  explain: (error: Error) => unknown = same,
): Promise<T> {
  return new Promise((resolve, reject) => {
    work((error, value) => (error ? reject(explain(error)) : resolve(value as T)))
  })
}

function same(error: Error): Error {
  return error
}
