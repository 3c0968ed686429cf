import { dirname, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package's own code: `src` or `dist`. */
const ownFolder = dirname(dirname(fileURLToPath(import.meta.url))) + sep

/**
 * `file:line` of the nearest caller outside this package, relative to the working directory where that is shorter;
 * `undefined` where the engine gives no usable stack.
 */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 12
  const stack = new Error().stack ?? ''
  Error.stackTraceLimit = limit
  for (const line of stack.split('\n').slice(1)) {
    const found = /\(?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()]*?):(\d+):\d+\)?$/.exec(line)
    if (found === null) continue
    const file = toPath(found[1]!)
    if (file.startsWith(ownFolder)) continue
    return `${shorter(file)}:${found[2]}`
  }
  return undefined
}

function toPath(place: string): string {
  if (!place.startsWith('file:')) return place
  try {
    return fileURLToPath(place.replace(/[?#].*$/, ''))
  } catch {
    return place
  }
}

function shorter(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere.length < file.length && !fromHere.startsWith(`..${sep}..`) ? fromHere : file
}
