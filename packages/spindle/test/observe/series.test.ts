import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Series, type SeriesPoint, thinned } from '../../src/observe/series.ts'

const given = fc.array(
  fc.record({
    spanMs: fc.integer({ min: 1, max: 1000 }),
    items: fc.nat(100),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 200 },
)

function pointsOf(
  stretches: readonly { spanMs: number; items: number; share: number }[],
): SeriesPoint[] {
  let endMs = 0
  return stretches.map(({ spanMs, items, share }) => {
    endMs += spanMs
    const slots = {
      running: share,
      queued: 0,
      backoff: share,
      throttled: 0,
      blocked: 0,
      occupancy: share,
    }
    const stage = { emitted: items, failures: 1, concurrency: 4, ...slots }
    const shares = { loop: share, consumer: share, cpuCores: share, othersBusy: 0 }
    return {
      endMs,
      spanMs,
      itemsIn: items,
      itemsOut: 0,
      failures: 1,
      rssBytes: items,
      ...shares,
      stages: [stage],
    }
  })
}

const sum = (points: readonly SeriesPoint[], of: (point: SeriesPoint) => number): number =>
  points.reduce((total, point) => total + of(point), 0)

/** Everything that joining points must keep. */
function assertSameStory(kept: readonly SeriesPoint[], all: readonly SeriesPoint[]): void {
  for (const of of [
    (point: SeriesPoint) => point.spanMs,
    (point: SeriesPoint) => point.itemsIn,
    (point: SeriesPoint) => point.failures,
    (point: SeriesPoint) => point.stages[0]?.emitted ?? 0,
  ])
    assert.equal(sum(kept, of), sum(all, of))
  const busy = (points: readonly SeriesPoint[]) => sum(points, (point) => point.loop * point.spanMs)
  assert.ok(Math.abs(busy(kept) - busy(all)) < 1e-6 * (1 + busy(all)))
  assert.equal(
    Math.max(0, ...kept.map((point) => point.rssBytes)),
    Math.max(0, ...all.map((point) => point.rssBytes)),
  )
  kept.reduce((startMs, point) => {
    assert.equal(point.endMs - point.spanMs, startMs, 'no gap, no overlap')
    return point.endMs
  }, 0)
}

describe('a series of bounded length', () => {
  it('never holds more than it may, and tells the same story as all points', () => {
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 12 }), (stretches, half) => {
        const [series, all] = [new Series(2 * half), pointsOf(stretches)]
        for (const point of all) {
          series.add(point)
          assert.ok(series.points.length <= 2 * half)
        }
        assert.ok(series.points.length >= Math.min(all.length, half), 'nor much fewer')
        assertSameStory(series.points, all)
      }),
    )
  })

  it('keeps points as they are while there is room', () => {
    const [series, all] = [
      new Series(8),
      pointsOf(Array.from({ length: 8 }, () => ({ spanMs: 5, items: 3, share: 0.5 }))),
    ]
    for (const point of all) series.add(point)
    assert.deepEqual(series.points, all)
  })

  it('is thinned for tables likewise', () => {
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 30 }), (stretches, most) => {
        const all = pointsOf(stretches)
        const thin = thinned(all, most)
        assert.ok(thin.length <= most)
        assertSameStory(thin, all)
      }),
    )
  })
})
