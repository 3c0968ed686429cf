import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { merge, PipelineBuilder, recordPipeline } from 'spindle'
import { moment, niceCeiling, timeTicks } from '../../src/observe/page/chart.ts'
import { problemsInMarkup } from '../support/html.ts'
import { range } from '../support/sources.ts'

const NASTY = `<script>alert("1")</script>&'`

/** A graph with branches, a merge, failures, and names that want to be markup. */
async function recordedPage(): Promise<string> {
  const source = () => new PipelineBuilder().addSource(range(60))
  const pipeline = merge(source(), source())
    .pathVariants(
      (n) => n % 2,
      [
        (path) => path.pipe((n) => n, { name: NASTY }),
        (path) =>
          path.pipe(
            (n) => {
              if (n % 7 === 1) throw new Error(`bad ${NASTY}`)
              return n
            },
            { name: 'fails', maxFailures: Number.POSITIVE_INFINITY },
          ),
      ],
    )
    .aggregate(4)
    .build({
      deadLetter: ({ index }) => (index < 8 ? undefined : Promise.reject(new Error('full'))),
    })
  const recording = recordPipeline(pipeline, {
    title: NASTY,
    unit: NASTY,
    intervalMs: 5,
    maxPoints: 8,
  })
  await pipeline.forEach(() => new Promise((resolve) => setTimeout(resolve, 1)))
  recording.stop()
  return recording.html()
}

describe('the page about a run', () => {
  it('is well-formed and needs nothing from outside', async () => {
    const html = await recordedPage()
    assert.deepEqual(problemsInMarkup(html), [])
    assert.doesNotMatch(html, /(?:src|href|url|from|import)\s*[=(]?\s*["']?\s*(?:https?:)?\/\//i)
    assert.doesNotMatch(html, /https?:/)
  })

  it('shows names and messages as text, whatever is in them', async () => {
    const html = await recordedPage()
    assert.equal(html.match(/<script>/g)?.length, 1, 'its own script only')
    assert.match(html, /&lt;script&gt;alert\(&quot;1&quot;\)/)
    assert.match(html, /bad &lt;script&gt;/)
  })

  it('tells of every stage, in words and tables, too', async () => {
    const html = await recordedPage()
    for (const words of [
      'aggregate(4)',
      'fails',
      'consumer',
      'median',
      'Failed items',
      'Resident memory',
      'Dead letters: ',
      ' refused',
    ])
      assert.ok(html.includes(words), words)
    assert.match(html, /role="img" aria-label="Graph of \d+ stages/)
    assert.ok((html.match(/<table>/g) ?? []).length > 10, 'a table beside each chart')
  })

  it('can be made before anything has happened', () => {
    const pipeline = new PipelineBuilder().addSource([1]).build()
    using recording = recordPipeline(pipeline)
    const html = recording.html()
    assert.deepEqual(problemsInMarkup(html), [])
    assert.match(html, /Too little has happened/)
    assert.match(html, /No figures yet/)
  })

  it('tells why a pipeline failed', async () => {
    const pipeline = new PipelineBuilder()
      .addSource([1])
      .pipe(() => {
        throw new Error('no such luck')
      })
      .build()
    const recording = recordPipeline(pipeline)
    await assert.rejects(pipeline.forEach(() => {}))
    recording.stop()
    assert.match(recording.html(), /class="state failed"[\s\S]*no such luck/)
  })

  it('wants good options', () => {
    const pipeline = new PipelineBuilder().addSource([1]).build()
    for (const options of [
      { intervalMs: 0 },
      { maxPoints: 3 },
      { maxPoints: 0 },
      { colour: 1 } as object,
    ])
      assert.throws(() => recordPipeline(pipeline, options), { code: 'ERR_BAD_OPTION' })
  })
})

describe('axes', () => {
  it('end at a round number that is not below the values', () => {
    assert.deepEqual([0.3, 1, 1.01, 7, 99, 0.002].map(niceCeiling), [0.5, 1, 2, 10, 100, 0.002])
    assert.equal(niceCeiling(0), 1)
  })

  it('of time have few, round ticks', () => {
    for (const endMs of [1, 40, 900, 61_000, 3_000_000, 1e9]) {
      const ticks = timeTicks(endMs)
      assert.ok(ticks.length >= 2 && ticks.length <= 7, `${endMs}: ${ticks}`)
    }
    assert.deepEqual([0, 200, 2500, 90_000, 3_661_000].map(moment), [
      '0',
      '200 ms',
      '2.5 s',
      '1:30',
      '1:01:01',
    ])
  })
})
