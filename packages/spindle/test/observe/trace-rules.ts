import assert from 'node:assert/strict'
import type { TraceEvent } from '../../src/observe/trace-events.ts'

/**
 * Checks what viewers need of a trace (Trace Event Format, "Duration Events" and "Counter Events"):
 * known phases, fields of the right types, stretches that nest on each lane, counters with numbers,
 * and a name for each lane.
 */
export function checkTrace(events: readonly TraceEvent[]): void {
  const lanes = new Map<string, TraceEvent[]>()
  const named = new Set<string>()
  for (const event of events) {
    assert.equal(typeof event.name, 'string')
    assert.ok(event.name !== '')
    assert.ok(Number.isInteger(event.ts) && event.ts >= 0, `ts ${event.ts}`)
    assert.ok(Number.isInteger(event.pid) && Number.isInteger(event.tid))
    const lane = `${event.pid} ${event.tid}`
    if (event.ph === 'X') {
      assert.ok(Number.isInteger(event.dur) && (event.dur ?? -1) >= 0, `dur ${event.dur}`)
      lanes.set(lane, [...(lanes.get(lane) ?? []), event])
    } else if (event.ph === 'C') {
      for (const value of Object.values(event.args ?? {})) assert.ok(Number(value) >= 0)
    } else if (event.ph === 'M') {
      if (event.name === 'thread_name') named.add(lane)
      assert.ok(['thread_name', 'thread_sort_index', 'process_name'].includes(event.name))
    } else assert.fail(`phase ${event.ph}`)
  }
  for (const [lane, stretches] of lanes) {
    assert.ok(named.has(lane), `lane ${lane} has no name`)
    checkNesting(stretches)
  }
}

/**
 * Each stretch lies within the one that is open, or after it; to a microsecond, for times are
 * rounded.
 */
function checkNesting(stretches: readonly TraceEvent[]): void {
  const sorted = stretches.toSorted((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
  const open: number[] = []
  for (const { name, ts, dur = 0 } of sorted) {
    while (open.length > 0 && (open.at(-1) as number) <= ts + 1) open.pop()
    const end = open.at(-1)
    assert.ok(
      end === undefined || ts + dur <= end + 1,
      `${name} at ${ts} for ${dur} ends after ${end}`,
    )
    open.push(ts + dur)
  }
}
