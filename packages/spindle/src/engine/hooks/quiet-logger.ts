import { callListener } from '../../user-code.ts'
import type { Logger } from '../types.ts'

const silentLogger: Logger = { warn: () => {}, error: () => {} }

/**
 * Wraps the user's logger so that its errors have no effect. Its methods are called on the logger
 * itself. Without a logger, returns one that drops everything.
 */
export function quietLogger(logger: Logger | undefined): Logger {
  if (logger === undefined) return silentLogger
  return {
    warn: (message, error) => callListener(() => logger.warn(message, error)),
    error: (message, error) => callListener(() => logger.error(message, error)),
  }
}
