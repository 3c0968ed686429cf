import type { Queue } from '../flow/queue.ts'
import { MeasuredStage } from './measured-stage.ts'

// A last stage that saves or sends its items gives nothing. Its finished calls are then what the
// pipeline has done. That holds as long as nothing at all has come to the consumer: with the first
// output the last stage is one that filters, and what it gave no output for was dropped.

/** What is looked at of a pipeline's end: its sink. */
interface End {
  readonly input: Queue
  readonly exit: Queue
}

/**
 * The stages that are the end of every item, for none has come to the consumer; none if some have.
 */
export function silentStages({ input, exit }: End): readonly MeasuredStage[] {
  return exit.passed > 0 ? [] : lastCallsOf(input)
}

/**
 * Items that have come to their end so: finished calls of the stages that {@link silentStages}
 * gives.
 */
export function finishedItems(end: End): number {
  return silentStages(end).reduce((sum, { counters }) => sum + counters.silent, 0)
}

/** The stages whose calls are an item's last before it comes into a queue. */
export function lastCallsOf({ producer }: Queue): readonly MeasuredStage[] {
  return producer instanceof MeasuredStage ? producer.lastCalls : []
}
