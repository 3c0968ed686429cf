import { type InspectOptions, inspect } from 'node:util'
import { isOwnFile, toPath } from './file-place.ts'

/** The parts of a pipeline's failure that are printed. */
export interface Printable {
  readonly code: string
  readonly stack?: string
  readonly cause?: unknown
  readonly errors: readonly { readonly recent: readonly unknown[] }[]
}

/**
 * The failure as Node prints it: the message and places, the first cause, and where to find the
 * rest. It never shows the contents of items.
 */
export function printFailure(failure: Printable, options: InspectOptions): string {
  const { code, cause, errors, stack = '' } = failure
  const head = stack.replace(/^PipelineFailure:/, `PipelineFailure [${code}]:`)
  const lines = [`[cause]: ${withoutOwnFrames(printed(cause, options))}`]
  if (errors.length > 1) lines.push(`${errors.length - 1} more: error.errors`)
  if (errors.some(({ recent }) => recent?.length > 0))
    lines.push('failed items: error.errors[0].recent')
  const text = lines.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n')
  return `${head} {\n${text}\n}`
}

function printed(cause: unknown, options: InspectOptions): string {
  try {
    return inspect(cause, { ...options, depth: 1, maxStringLength: 1000 })
  } catch {
    // The cause is the user's and may have its own code for printing.
    return 'something that cannot be shown'
  }
}

const FRAME = /^\s+at .*?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()]*?):\d+:\d+\)?,?$/

function withoutOwnFrames(text: string): string {
  return text
    .split('\n')
    .filter((line) => {
      const [, file] = FRAME.exec(line) ?? []
      return file === undefined || !isOwnFile(toPath(file))
    })
    .join('\n')
}
