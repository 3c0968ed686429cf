import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findBottleneck, PipelineBuilder, trackCall } from 'spindle'

describe('what is asked of figures and calls', () => {
  const pipeline = new PipelineBuilder().addSource([1]).build()

  it('is refused by name, rule and value where it cannot be', () => {
    for (const stats of [undefined, null, 3, {}])
      assert.throws(() => findBottleneck(stats as never), {
        code: 'ERR_BAD_OPTION',
        message: /^`now` must be figures/,
      })
    assert.throws(() => findBottleneck(pipeline.stats(), {} as never), {
      code: 'ERR_BAD_OPTION',
      message: /^`earlier`/,
    })
    for (const columns of [0, 1.5, Number.NaN, '80'])
      assert.throws(() => pipeline.report().toString(columns as never), {
        code: 'ERR_BAD_OPTION',
        message: /^`columns` must be an integer >= 1/,
      })
    assert.throws(() => trackCall(3 as never), {
      code: 'ERR_BAD_OPTION',
      message: /^`run` must be a function/,
    })
    assert.match(String(pipeline.report()), /Too little has happened/)
  })
})
