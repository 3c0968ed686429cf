import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { SpindleError } from '../../errors.ts'
import { isUrlText, urlForMessages } from '../../url-for-messages.ts'

/**
 * Non-blocking, because opening a pipe without a writer would wait for one; makes no difference for
 * files.
 */
export const REGULAR_FLAGS: number =
  constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

/** Maximum number of bytes read at once: what every version of Node reads into one buffer. */
const MAX_WHOLE = 2 ** 31 - 1

/**
 * Opens a file, but not a pipe, socket or device, because reading one might never end.
 *
 * @throws `ERR_READ`; errors of `fs.open`
 */
export async function openRegular(path: string | URL): Promise<FileHandle> {
  const file = await open(path, REGULAR_FLAGS).catch((error) => {
    throw explainOpen(path, error)
  })
  try {
    refuseIrregular(path, await file.stat())
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** @throws `ERR_READ` unless it is a file. Folders pass: reading them gives `EISDIR`. */
export function refuseIrregular(path: string | URL, stats: Stats): void {
  if (stats.isFile() || stats.isDirectory()) return
  throw new SpindleError('ERR_READ', `${path}: is not a regular file but ${kindOf(stats)}`)
}

/** @throws `ERR_TOO_LARGE` for a file that does not fit one buffer */
export function refuseHuge(path: string | URL, { size }: Stats): void {
  if (size <= MAX_WHOLE) return
  const problem = `has ${size} bytes, and is read as a whole, which is possible for ${MAX_WHOLE} at most`
  throw new SpindleError('ERR_TOO_LARGE', `${path}: ${problem}`)
}

/** Explains error codes of the system whose meaning is not obvious. */
export function explainOpen(path: string | URL, error: unknown): unknown {
  // The system's message repeats the text, with any secret in it.
  if (typeof path === 'string' && isUrlText(path)) {
    const hint = 'a string is read as a path; `readUrl` reads what a web server has'
    return new SpindleError('ERR_READ', `${urlForMessages(path)}: ${hint}`)
  }
  const { code, message } = error as { code?: unknown; message: string }
  if (code === 'ENXIO' || code === 'EOPNOTSUPP')
    return new SpindleError(
      'ERR_READ',
      `${path}: is not a regular file but a socket or a pipe (${code})`,
    )
  if (code !== 'ENOENT' || !String(path).includes('\ufffd')) return error
  const hint =
    'A name that is not UTF-8 is listed with "\ufffd" in it, and cannot be opened by that: rename the file'
  return Object.assign(new SpindleError('ENOENT', `${message}. ${hint}`, { cause: error }), {
    path,
  })
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a pipe (FIFO)'
  return stats.isSocket() ? 'a socket' : 'a device'
}
