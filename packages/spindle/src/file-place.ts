import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this copy of the package. */
export const packageFolder: string = dirname(dirname(fileURLToPath(import.meta.url)))
/**
 * The folders of this package's own code. Of what runs in `dist`, stacks tell places in `src` where
 * source maps are on.
 */
const ownFolders: readonly string[] = ['src', 'dist'].map((name) => join(packageFolder, name) + sep)

/** The path that a stack frame's file, a path or a URL, means. */
export function toPath(place: string): string {
  if (!place.startsWith('file:')) return place
  try {
    return fileURLToPath(place.replace(/[?#].*$/, ''))
  } catch {
    return place
  }
}

/** Whether a file is part of this package. */
export function isOwnFile(path: string): boolean {
  return ownFolders.some((folder) => path.startsWith(folder))
}

/** A path relative to the working directory, where that is shorter. */
export function shorter(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere.length < file.length && !fromHere.startsWith(`..${sep}..`) ? fromHere : file
}
