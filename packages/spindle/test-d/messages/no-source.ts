// expect-message: Property 'build' does not exist on type 'BuilderWithoutSource'
// expect-message: Property 'pipe' does not exist on type 'BuilderWithoutSource'
import { PipelineBuilder } from 'spindle'

new PipelineBuilder().build()
new PipelineBuilder().pipe((n: number) => n).build()
