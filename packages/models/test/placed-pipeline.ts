// A pipeline with a model, for a thread or process of its own.
import { model } from '@spindle/models'
import { PipelineBuilder, workerModule } from 'spindle'
import type * as Backends from './backends.ts'

const backends = workerModule<typeof Backends>(import.meta.resolve('./backends.js'))

export const doubled = new PipelineBuilder()
  .addSource([1, 2, 3, 4, 5])
  .pipe(model(backends.doubling, { sessions: 1, batch: { max: 2 } }), { outputOrder: 'input' })
