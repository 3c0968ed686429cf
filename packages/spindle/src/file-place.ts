import { dirname, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package's own code: `src` or `dist`. */
const ownFolder: string = dirname(fileURLToPath(import.meta.url)) + sep

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
  return path.startsWith(ownFolder)
}

/** A path relative to the working directory, where that is shorter. */
export function shorter(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere.length < file.length && !fromHere.startsWith(`..${sep}..`) ? fromHere : file
}
