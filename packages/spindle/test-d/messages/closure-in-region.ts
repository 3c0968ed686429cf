// expect-message: in a region, functions are given by reference: workerModule<typeof Ops>(…).op
import { MAIN, PipelineBuilder, workers } from 'spindle'

const builder = new PipelineBuilder().addSource([1, 2, 3]).to(workers({ count: 1 }))
builder.pipe((n) => n * 2).to(MAIN)
builder.aggregate(() => ({ accumulate: (n: number) => n, flush: () => undefined }))
builder.pathVariants(() => 0, [(path) => path.aggregate(2)])
