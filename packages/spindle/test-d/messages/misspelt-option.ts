// expect-message: 'concurency' does not exist
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().addSource([1, 2, 3]).pipe((value) => value, { concurency: 4 })
