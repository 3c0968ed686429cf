import { isOwnFile, shorter, toPath } from '../file-place.ts'

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
    if (isOwnFile(file)) continue
    return `${shorter(file)}:${found[2]}`
  }
  return undefined
}
