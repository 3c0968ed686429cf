import type { Queue } from '../flow/queue.ts'
import { MeasuredStage } from './measured-stage.ts'

// A last stage that saves or sends its items outputs nothing. Its finished calls then count as the
// pipeline's items. That holds until the first output reaches the consumer. From then on, the last
// stage counts as a filter, and its calls without output count as dropped.

/** The end of a pipeline: the queues of its sink. */
interface End {
  readonly input: Queue
  readonly exit: Queue
}

/** The stages in which every item ends, if nothing has reached the consumer. Otherwise none. */
export function silentStages({ input, exit }: End): readonly MeasuredStage[] {
  return exit.passed > 0 ? [] : lastCallsOf(input)
}

/** Number of items that ended in the stages of {@link silentStages}. */
export function finishedItems(end: End): number {
  return silentStages(end).reduce((sum, { counters }) => sum + counters.silent, 0)
}

/** The stages that make the last call for an item before it enters a queue. */
export function lastCallsOf({ producer }: Queue): readonly MeasuredStage[] {
  return producer instanceof MeasuredStage ? producer.lastCalls : []
}
