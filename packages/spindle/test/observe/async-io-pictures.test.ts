import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { barePool, blocked, stages } from '../../../../examples/async-io/runs.ts'
import { drawTimeline, type Lane } from '../../../../examples/async-io/timeline.ts'
import { problemsInMarkup } from '../support/html.ts'

const spansOf = (lanes: readonly Lane[], name: string) =>
  lanes.filter((lane) => lane.name.startsWith(name)).flatMap(({ spans }) => spans)

/** Most spans that go on at the same time. */
function mostAtOnce(lanes: readonly Lane[], name: string): number {
  const spans = spansOf(lanes, name)
  return Math.max(
    ...spans.map(
      ({ from }) => spans.filter((other) => other.from <= from && from < other.to).length,
    ),
  )
}

describe('the runs of docs/async-io.md', () => {
  it('a bare pool is as wide as its narrowest step, stages are each as wide as they may be', async () => {
    const [pool, staged] = [await barePool(), await stages()]
    assert.equal(mostAtOnce(pool, 'task'), 2)
    assert.equal(spansOf(pool, 'task').length, 24)
    assert.equal(mostAtOnce(staged, 'fetch'), 6)
    assert.equal(mostAtOnce(staged, 'store'), 2)
    assert.equal(spansOf(staged, 'fetch').length + spansOf(staged, 'store').length, 24)
  })

  it('nothing is noticed while the loop is held', async () => {
    const lanes = await blocked()
    const hold = spansOf(lanes, 'compute')[0]
    assert.ok(hold !== undefined && hold.to - hold.from >= 40)
    for (const { to } of spansOf(lanes, 'fetch')) assert.ok(to <= hold.from || to >= hold.to)
  })

  it('are drawn as well-formed pictures that tell themselves in words', () => {
    const svg = drawTimeline('<b>"&"</b>', [
      { name: '<lane>', spans: [{ from: 0, to: 10, tone: 'wait', label: 'a & b' }] },
      { name: 'empty', spans: [] },
    ])
    assert.deepEqual(problemsInMarkup(svg), [])
    assert.match(svg, /<desc id="about">&#60;lane&#62;: wait 0 to 10 ms; empty: <\/desc>/)
  })
})
