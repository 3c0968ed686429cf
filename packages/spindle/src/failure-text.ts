import { type InspectOptions, inspect } from 'node:util'
import { isOwnFile, toPath } from './file-place.ts'
import { peek } from './user-code.ts'

// How failures read in a terminal or a log. Node prints an uncaught error by its `stack` and its
// own properties, without `[util.inspect.custom]`, and `console.error()` prints it with that. Both
// stay short, and neither shows the contents of items.

/** Characters of a cause's message that a failure's message quotes. */
const MOST_OF_MESSAGE = 500
/**
 * Lines below the message in a stack, and lines of a printed cause. Node adds six lines to an
 * uncaught error, and together they are at most 15.
 */
const MOST_PLACES = 2
const MOST_FRAMES = 2
const MOST_CAUSE_LINES = 6
const MOST_OF_LINE = 300

/** A text as one line of bounded length. */
export function quoted(text: string): string {
  return cut(text.slice(0, 2 * MOST_OF_MESSAGE).replace(/\s*[\r\n]\s*/g, ' '), MOST_OF_MESSAGE)
}

/** A text of bounded length, as it is. */
export function shortened(text: string): string {
  return cut(text, MOST_OF_MESSAGE)
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`
}

/** The parts of a failure that are printed: of a stage, or of a pipeline with failed stages. */
export interface Printable {
  readonly name: string
  readonly code: string
  readonly message: string
  readonly cause?: unknown
  readonly stack?: string
  /** Of a pipeline. */
  readonly errors?: readonly { readonly recent: readonly unknown[] }[]
  /** Of a stage. */
  readonly recent?: readonly unknown[]
}

/** The stack of a failed stage: its place, and the frames of the user's code in its cause. */
export function stageStack(
  head: string,
  stage: string,
  where: string | undefined,
  cause: unknown,
): string {
  const place = `    at stage "${cut(stage, MOST_OF_LINE)}"${where === undefined ? '' : ` (${where})`}`
  return [head, place, ...userFrames(cause)].join('\n')
}

/**
 * The stack of a failed pipeline. The frames of its constructor are all of the engine, so it lists
 * the places of the stages, the user's frames in the first cause, and where to find the rest.
 */
export function pipelineStack(head: string, failure: Printable, stacks: readonly string[]): string {
  const places = [...new Set(stacks.flatMap(placesIn))]
  const frames = userFrames(failure.cause).slice(0, Math.max(0, MOST_PLACES + 1 - places.length))
  const hint = `    (${hintsOf(failure).join('; ')})`
  return [head, ...places.slice(0, MOST_PLACES), ...frames, hint].join('\n')
}

function placesIn(stack: string): string[] {
  return stack.split('\n').filter((line) => line.startsWith('    at stage "'))
}

function hintsOf({ cause, errors, recent }: Printable): string[] {
  const hints = [`cause${kindOf(cause)}: error.cause`]
  if (errors !== undefined && errors.length > 1)
    hints.push(`all ${errors.length} failures: error.errors`)
  if (recent !== undefined && recent.length > 0) hints.push('failed items: error.recent')
  const failed = errors?.findIndex((each) => each.recent?.length > 0) ?? -1
  if (failed >= 0) hints.push(`failed items: error.errors[${failed}].recent`)
  return hints
}

/** `, TypeError`: the class of a cause, which its message does not say. */
function kindOf(cause: unknown): string {
  const name = peek(cause, 'name')
  return typeof name === 'string' && /^\w{1,60}$/.test(name) ? `, ${name}` : ''
}

/**
 * The failure as `console.error()` prints it: the message and places, the first lines of the cause,
 * and where to find the rest.
 */
export function printFailure(failure: Printable, options: InspectOptions): string {
  const { name, code, message, cause, stack = '' } = failure
  const places = placesIn(stack).slice(0, MOST_PLACES)
  const lines = [`[cause]: ${causeText(cause, options)}`, ...hintsOf(failure).slice(1)]
  const text = lines.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n')
  return `${[`${name} [${code}]: ${message}`, ...places].join('\n')} {\n${text}\n}`
}

function causeText(cause: unknown, options: InspectOptions): string {
  const kept: string[] = []
  for (const line of printed(cause, options).split('\n')) {
    if (line.trim() === '') continue
    if (!isHidden(line)) kept.push(cut(line, MOST_OF_LINE))
    // The fields of the error begin at the end of its last frame.
    else if (line.endsWith(' {')) kept.push(`${kept.pop() ?? ''} {`)
  }
  if (kept.length <= MOST_CAUSE_LINES) return kept.join('\n')
  return [...kept.slice(0, MOST_CAUSE_LINES - 1), '    …'].join('\n')
}

function printed(cause: unknown, options: InspectOptions): string {
  try {
    const depth = cause instanceof Error ? 1 : 0
    return inspect(cause, { ...options, depth, maxStringLength: 100, maxArrayLength: 5 })
  } catch {
    // The cause is the user's and may have its own code for printing.
    return 'something that cannot be shown'
  }
}

const FRAME = /^\s+at .*?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()]*?):\d+:\d+\)?,?(?: \{)?$/

/** Whether a line is a frame of this package or of Node. */
function isHidden(line: string): boolean {
  if (/^\s+at .*(?:\bnode:|<anonymous>)/.test(line)) return true
  const [, file] = FRAME.exec(line) ?? []
  return file !== undefined && isOwnFile(toPath(file))
}

function userFrames(cause: unknown): string[] {
  const stack = peek(cause, 'stack')
  if (typeof stack !== 'string') return []
  const frames = stack.split('\n').filter((line) => FRAME.test(line) && !isHidden(line))
  return frames.slice(0, MOST_FRAMES).map((line) => cut(line, MOST_OF_LINE))
}
