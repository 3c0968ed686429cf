import { wrap } from '../cells.ts'
import { messageOf } from '../errors.ts'
import { plain } from '../plain-text.ts'

/** Functions to call when standard output is not read any more. */
const leaving: Set<() => void> = new Set()
let isUnread = false

/**
 * Handles errors of the standard streams, which would otherwise end the process with a stack trace.
 * A reader that leaves early (`| head`) is not an error: nothing more is written, and functions
 * registered by {@link onUnread} are called.
 */
export function watchStreams(): void {
  process.stdout.on('error', (error) => {
    if (!isBrokenPipe(error) || isUnread) return
    isUnread = true
    for (const leave of leaving) leave()
  })
  // Progress and notes are optional, so they are dropped if standard error is closed.
  process.stderr.on('error', () => {})
}

/**
 * Calls `leave` once if standard output is not read any more. Returns a function that unregisters
 * it.
 */
export function onUnread(leave: () => void): () => void {
  leaving.add(leave)
  return () => leaving.delete(leave)
}

/**
 * Writes to standard output. Resolves with the error that prevented it, if it is one that matters.
 */
export function print(text: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
      resolve(
        error === null || error === undefined || isUnread || isBrokenPipe(error)
          ? undefined
          : error,
      )
    })
  })
}

/**
 * Writes a line to standard error. The message may contain text from outside, so line breaks and
 * control characters are removed.
 */
export function say(message: string): void {
  const { isTTY, columns } = process.stderr
  process.stderr.write(
    `${wrap(`spindle: ${plain(message)}`, isTTY && columns > 0 ? columns : undefined).join('\n')}\n`,
  )
}

/** Reports an unexpected error, with its stack. */
export function sayWithStack(error: unknown): void {
  process.stderr.write(`spindle: ${describe(error)}\n${framesOf(error)}`)
}

/** `TypeError: x is no function`: any thrown value as one line. */
export function describe(error: unknown): string {
  try {
    return plain(error instanceof Error ? `${error.name}: ${messageOf(error)}` : String(error))
  } catch {
    return 'an error that cannot be read'
  }
}

/**
 * The lines of a stack that are frames. The lines of the message are left out, because they may
 * contain anything.
 */
function framesOf(error: unknown): string {
  try {
    const stack = String((error as Error).stack)
    const message = String((error as Error).message)
    const at = message === '' ? -1 : stack.indexOf(message)
    const lines = stack.slice(at < 0 ? 0 : at + message.length).split('\n')
    return lines
      .flatMap((line) => (/^\s+at /.test(line) ? `    ${plain(line).trim()}\n` : []))
      .join('')
  } catch {
    return ''
  }
}

function isBrokenPipe(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}
