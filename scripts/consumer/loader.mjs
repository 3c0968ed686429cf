// A pipeline that run.mjs has run in a thread and in a process.
import { PipelineBuilder } from 'spindle'

export const pipeline = ({ count }) =>
  new PipelineBuilder()
    .addSource(Array.from({ length: count }, (_, n) => n))
    .pipe(async (n) => n * n)
