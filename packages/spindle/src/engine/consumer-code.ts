import { readFrames } from '../call-stack.ts'
import { isOwnFile, toPath } from '../file-place.ts'

/** A function on a stack: its name, and the path of its script. */
export interface Caller {
  readonly function: string
  readonly file: string
}

/** The code that takes a pipeline's items: to tell it from others on a stack. */
export interface ConsumerCode {
  /** The function given to `forEach`. */
  readonly code: unknown
  /** Who began to iterate. */
  readonly caller: Caller | undefined
}

const MOST_FRAMES = 10

/** Notes who takes items; a few microseconds. The names alone: an error that nobody has looked at yet would hold the pipeline itself. */
export function noteConsumer(code: unknown): ConsumerCode {
  const callers = readFrames(MOST_FRAMES, noteConsumer, toCaller)
  return { code, caller: callers.find(({ file }) => file !== '' && !isOwnFile(file)) }
}

function toCaller(site: NodeJS.CallSite): Caller {
  return {
    function: site.getFunctionName() ?? '',
    file: toPath(site.getScriptNameOrSourceURL?.() ?? site.getFileName() ?? ''),
  }
}
