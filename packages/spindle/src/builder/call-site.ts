import { stackText } from '../call-stack.ts'
import { isOwnFile, shorter, toPath } from '../file-place.ts'

/**
 * `file:line` of the nearest caller outside this package, relative to the working directory if that
 * is shorter. `undefined` if the stack has no such line.
 */
export function callSite(): string | undefined {
  for (const line of stackText(12).split('\n').slice(1)) {
    const found = /\(?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()]*?):(\d+):\d+\)?$/.exec(line)
    if (found === null) continue
    const file = toPath(found[1]!)
    if (isOwnFile(file)) continue
    return `${shorter(file)}:${found[2]}`
  }
  return undefined
}
