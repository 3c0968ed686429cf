// expect-message: Type 'string[]' is not assignable to type 'number[]'
import { PipelineBuilder } from 'spindle'

new PipelineBuilder()
  .addSource([1, 2, 3])
  .pipe(String)
  .aggregate(8)
  .pipe((batch: number[]) => batch.length)
