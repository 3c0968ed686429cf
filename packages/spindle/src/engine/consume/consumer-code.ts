import { readFrames } from '../../call-stack.ts'
import { isOwnFile, toPath } from '../../file-place.ts'

/** A function on the stack: its name and the path of its script. */
export interface Caller {
  readonly function: string
  readonly file: string
}

/** Identifies the code that consumes a pipeline on a stack. */
export interface ConsumerCode {
  /** The function given to `forEach`. */
  readonly code: unknown
  /** The function that began to iterate. */
  readonly caller: Caller | undefined
  /** Whether the package itself consumes the items, to send them to a consumer elsewhere. */
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
 * Records the code of a consumer. It takes a few microseconds. It keeps only names, because an
 * error whose stack has not been read would keep the pipeline itself alive.
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
