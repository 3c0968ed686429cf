import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { badOption } from '../check.ts'

/**
 * Folder inside the output folder that holds the manifest and the uncommitted files. Tools that
 * list files skip names like this.
 */
export const WORK_FOLDER = '.checkpoint'

const IS_WINDOWS = process.platform === 'win32'
const SEPARATOR = IS_WINDOWS ? /[\\/]/ : /\//

/** Names that Windows takes for a device or a stream, or silently changes. */
const NO_WINDOWS_NAME = /[<>:"|?*]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i

/** Path of an output folder, made absolute. */
export function checkFolder(directory: unknown): string {
  if (directory instanceof URL && directory.protocol === 'file:') return fileURLToPath(directory)
  if (typeof directory !== 'string' || directory === '')
    badOption(
      'directory',
      'a path or a file: URL',
      directory instanceof URL ? directory.href : directory,
    )
  return resolve(directory)
}

/** Checks that a name is a file name inside the output folder, and returns it. */
export function checkName(option: string, name: unknown): string {
  if (!isName(name))
    badOption(
      option,
      `the path of a file relative to the folder, inside it and not in "${WORK_FOLDER}"`,
      name,
    )
  return name
}

/** Whether a value is a file name inside the output folder, as a path relative to it. */
export function isName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || name.includes('\0') || isAbsolute(name))
    return false
  const segments = segmentsOf(name)
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return false
  if (IS_WINDOWS && segments.some((segment) => NO_WINDOWS_NAME.test(segment))) return false
  // Some file systems ignore case.
  return (segments[0] as string).toLowerCase() !== WORK_FOLDER
}

/** The folders and the file name of a path, from the top. */
export function segmentsOf(name: string): string[] {
  return name.split(SEPARATOR)
}

/** The folders of a file, as paths relative to the output folder: `a` and `a/b` for `a/b/c`. */
export function foldersOf(name: string): string[] {
  const segments = segmentsOf(name)
  return segments.slice(0, -1).map((_, at) => segments.slice(0, at + 1).join('/'))
}
