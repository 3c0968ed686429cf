import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The URL of this module, at the top of `dist` or `src`. Empty if a bundler has made CommonJS of
 * it.
 */
export const ownUrl: string = (import.meta as { readonly url?: string }).url ?? ''

/** The folder of this copy of the package. Empty if it is not known. */
export const packageFolder: string = ownUrl === '' ? '' : dirname(dirname(fileURLToPath(ownUrl)))
/**
 * The folders of this package's code. With source maps, stacks of code in `dist` show places in
 * `src`.
 */
const ownFolders: readonly string[] = ['src', 'dist'].map((name) => join(packageFolder, name) + sep)

/** Converts the file of a stack frame, a path or a URL, to a path. */
export function toPath(place: string): string {
  if (!place.startsWith('file:')) return place
  try {
    return fileURLToPath(place.replace(/[?#].*$/, ''))
  } catch {
    return place
  }
}

/** Whether a file belongs to this package. */
export function isOwnFile(path: string): boolean {
  return ownFolders.some((folder) => path.startsWith(folder))
}

/** The path relative to the working directory if that is shorter, otherwise the path itself. */
export function shorter(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere.length < file.length && !fromHere.startsWith(`..${sep}..`) ? fromHere : file
}
