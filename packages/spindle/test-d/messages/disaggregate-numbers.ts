// expect-message: disaggregate() needs items that are arrays or other iterables
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().addSource([1, 2, 3]).disaggregate()
