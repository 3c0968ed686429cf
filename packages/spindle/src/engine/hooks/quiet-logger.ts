import { callListener } from '../../user-code.ts'
import type { Logger } from '../types.ts'

const silentLogger: Logger = { warn: () => {}, error: () => {} }

/**
 * The user's logger, called as its own. An error of its own changes nothing, since nobody is left
 * to be told. Without one, a logger that drops everything.
 */
export function quietLogger(logger: Logger | undefined): Logger {
  if (logger === undefined) return silentLogger
  return {
    warn: (message, error) => callListener(() => logger.warn(message, error)),
    error: (message, error) => callListener(() => logger.error(message, error)),
  }
}
