import type { ItemError } from '../../errors.ts'
import { callListener } from '../../user-code.ts'
import type { Logger, StageInfo } from '../types.ts'
import { channels } from './channels.ts'

/** Reports a failed item to all listeners. Errors of listeners have no effect. */
export function reportFailure(
  stage: StageInfo,
  failure: ItemError,
  logger: Logger,
  onItemError: ((failure: ItemError) => unknown) | undefined,
): void {
  if (channels.itemError.hasSubscribers) channels.itemError.publish({ stage, failure })
  logger.warn(`spindle: stage "${failure.stage}": item ${failure.index} failed`, failure.error)
  callListener(
    () => onItemError?.(failure),
    (error) => logger.error('spindle: `onItemError` failed', error),
  )
}
