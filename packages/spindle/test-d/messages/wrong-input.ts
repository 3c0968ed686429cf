// expect-message: Type 'number' is not assignable to type 'string'
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().addSource([1, 2, 3]).pipe((path: string) => path.length)
