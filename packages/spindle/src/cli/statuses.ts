/** Exit statuses. `spindle --help` lists them. */
export const OK = 0
/** The pipeline failed, or can never end. */
export const FAILED = 1
/** Unusable options or module. */
export const USAGE = 2
/** The run succeeded, but its report, trace or result could not be written. */
export const UNWRITTEN = 3
/**
 * The reader of standard output left before the end, as `head` does. The same status as of a
 * program that SIGPIPE ends.
 */
export const UNREAD = 141

/** The status that shells report for a program ended by a signal: 128 plus its number. */
export const OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

export type StopSignal = keyof typeof OF_SIGNAL
