// expect-message: 'Promise<number[]>' is not assignable to parameter of type 'Source<
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().addSource(Promise.resolve([1, 2, 3]))
