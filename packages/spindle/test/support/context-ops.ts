// What the tests of async contexts run in workers.
import { PipelineBuilder } from 'spindle'

export const same = (n: number): number => n

export function* twice(n: number): Generator<number> {
  yield n
  yield n
}

export const pipeline = (): PipelineBuilder<number> => new PipelineBuilder().addSource([1, 2, 3])
