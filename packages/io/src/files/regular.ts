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

/** An open file and its size, in bytes. */
export interface RegularFile {
  readonly fd: number
  readonly size: number
}

/**
 * Largest file that is read as a whole, in bytes: the limit of one buffer in all versions of Node.
 */
export const MAX_WHOLE: number = 2 ** 31 - 1

/** Opening a pipe without a writer must not wait. The flags do not change how files are opened. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

/** The error for something that cannot be read because of its kind. */
export class NotReadable extends Error {
  readonly code: 'ERR_READ' | 'ERR_TOO_LARGE'

  constructor(message: string, code: 'ERR_READ' | 'ERR_TOO_LARGE' = 'ERR_READ') {
    super(message)
    this.code = code
  }
}

/**
 * Opens a regular file. A pipe, socket, device or folder is refused without waiting: reading it
 * might block forever or never end.
 *
 * @throws NotReadable; the errors of `fs.open`
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

/** The asynchronous form of {@link openRegularSync}. */
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
 * Refuses anything but a regular file, before other code opens it by its name. It ignores missing
 * files, which that code reports.
 *
 * @param allowsDevice whether a device is accepted
 * @throws NotReadable
 */
export function refuseIrregular(path: string, allowsDevice: boolean): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || (allowsDevice && (stats.isCharacterDevice() || stats.isBlockDevice())))
    return
  sizeOf(stats)
}

/**
 * Refuses a file that is too large for one buffer, before it is read.
 *
 * @throws NotReadable `ERR_TOO_LARGE`
 */
export function refuseHuge(size: number): void {
  if (size <= MAX_WHOLE) return
  const problem = `has ${size} bytes, and is read as a whole, which is possible for ${MAX_WHOLE} at most`
  throw new NotReadable(problem, 'ERR_TOO_LARGE')
}

/** The kind of a file that is not regular, for messages. */
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

/** Explains an error code of the system that is not obvious. */
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
 * Turns a call of `node:fs` into a promise. The callback API costs a third of `fs.promises` for
 * small files.
 *
 * @param explain converts the error
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
