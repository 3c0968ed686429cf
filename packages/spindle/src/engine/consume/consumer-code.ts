import { readFrames } from '../../call-stack.ts'
import { isOwnFile, toPath } from '../../file-place.ts'

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
  /** Whether it is the package itself, which sends the items to a consumer elsewhere. */
  readonly isSender: boolean
}

const MOST_FRAMES = 10
const senders: WeakSet<(item: unknown) => unknown> = new WeakSet()

/**
 * Marks a function for `forEach` as the package's own, which sends the items to a consumer
 * elsewhere.
 */
export function sender(consume: (item: unknown) => unknown): (item: unknown) => unknown {
  senders.add(consume)
  return consume
}

/**
 * Notes who takes items; a few microseconds. The names alone: an error that nobody has looked at
 * yet would hold the pipeline itself.
 */
export function noteConsumer(code: unknown): ConsumerCode {
  const callers = readFrames(MOST_FRAMES, noteConsumer, toCaller)
  const isUsers = ({ file }: Caller): boolean =>
    file !== '' && !file.startsWith('node:') && !isOwnFile(file)
  return {
    code,
    caller: callers.find(isUsers),
    isSender: typeof code === 'function' && senders.has(code as (item: unknown) => unknown),
  }
}

function toCaller(site: NodeJS.CallSite): Caller {
  return {
    function: site.getFunctionName() ?? '',
    file: toPath(site.getScriptNameOrSourceURL?.() ?? site.getFileName() ?? ''),
  }
}
