import { describe, it } from 'node:test'
import { PipelineBuilder } from 'spindle'
import { items, ops, POISON, testDeaths } from './kill-matrix.ts'

testDeaths('thread')

describe('a pipeline whose op never returns', () => {
  it('is left behind by stop(), with its thread', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(items.slice(POISON))
      .pipe(ops.hangOn)
      .build({ threads: 1 })
    pipeline.start()
    await pipeline.stop({ mode: 'abort' })
    await pipeline.done
  })
})
