/** Exit statuses; `spindle --help` tells them. */
export const OK = 0
/** The pipeline failed, or can never end. */
export const FAILED = 1
/** Options or a module that cannot be used. */
export const USAGE = 2
/** The run itself went well, but its report, its trace or its result could not be written. */
export const UNWRITTEN = 3
/**
 * Whoever read standard output left before the end, as `head` does: what a program gets that
 * SIGPIPE ends.
 */
export const UNREAD = 141

/** As shells tell that a signal ended a program: 128 and its number. */
export const OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

export type StopSignal = keyof typeof OF_SIGNAL
