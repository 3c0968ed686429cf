// expect-message: Type 'number' is not assignable to type 'string'
import { type Pipeline, PipelineBuilder } from 'spindle'

export const pipeline: Pipeline<string> = new PipelineBuilder().addSource([1, 2, 3]).build()
