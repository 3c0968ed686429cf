import { wrap } from '../cells.ts'
import { messageOf } from '../errors.ts'
import { plain } from '../plain-text.ts'

/** What is done when nobody reads standard output any more. */
const leaving: Set<() => void> = new Set()
let isUnread = false

/**
 * Has the standard streams' errors heard, which would end the process with a stack otherwise. A
 * reader that left early (`| head`) is no error: nothing more is written, and whoever asked by
 * {@link onUnread} stops.
 */
export function watchStreams(): void {
  process.stdout.on('error', (error) => {
    if (!isBrokenPipe(error) || isUnread) return
    isUnread = true
    for (const leave of leaving) leave()
  })
  // Progress and notes are for whoever looks on; without one, there is nobody to tell.
  process.stderr.on('error', () => {})
}

/** Calls `leave` once if nobody reads standard output any more; returns what takes that back. */
export function onUnread(leave: () => void): () => void {
  leaving.add(leave)
  return () => leaving.delete(leave)
}

/**
 * Writes to standard output; resolves with the error that kept it from being written, if there was
 * one that matters.
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
 * A line on standard error. What it says may come from outside: it is written as one line without
 * control characters.
 */
export function say(message: string): void {
  const { isTTY, columns } = process.stderr
  process.stderr.write(
    `${wrap(`spindle: ${plain(message)}`, isTTY && columns > 0 ? columns : undefined).join('\n')}\n`,
  )
}

/** An error that nobody has foreseen, with its stack. */
export function sayWithStack(error: unknown): void {
  process.stderr.write(`spindle: ${describe(error)}\n${framesOf(error)}`)
}

/** `TypeError: x is no function`: any thrown value in one line. */
export function describe(error: unknown): string {
  try {
    return plain(error instanceof Error ? `${error.name}: ${messageOf(error)}` : String(error))
  } catch {
    return 'an error that cannot be read'
  }
}

/**
 * The lines of a stack that are frames; those of the message, which may look like anything, are
 * left out.
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
