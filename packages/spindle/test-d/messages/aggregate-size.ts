// expect-message: 'string' is not assignable
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().addSource([1, 2, 3]).aggregate('3')
