import { PipelineBuilder } from 'spindle'

export const pipeline = new PipelineBuilder().addSource(['a', 'b']).pipe((text) => text.length)
