// expect-message: addSource() takes no string
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().addSource('photos').pipe((path) => path)
