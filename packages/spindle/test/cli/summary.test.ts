import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineBuilder } from 'spindle'
import { width, wrap } from '../../src/cells.ts'
import { summary } from '../../src/cli/summary.ts'
import { range } from '../support/sources.ts'

const LONG = 'download-the-original-image-from-the-bucket'

async function reportOf(name: string, failsAt: number) {
  const pipeline = new PipelineBuilder()
    .addSource(range(20))
    .pipe(
      (n) => {
        if (n === failsAt)
          throw new Error(`number ${n} cannot be read, for it is no number that anybody knows`)
        return n
      },
      { name, maxFailures: 1 },
    )
    .pipe((n) => n, { name: 'decode' })
    .build()
  await pipeline.forEach(() => {})
  return pipeline.report()
}

const notes = { unit: 'numbers', warning: undefined }

describe('the report of a run', () => {
  it('fits the terminal: what is wanted least is left out, names keep their ends, sentences break between words', async () => {
    const report = await reportOf(LONG, 7)
    for (const columns of [80, 100, 120]) {
      const lines = summary(report, { ...notes, columns }).split('\n')
      for (const line of lines)
        assert.ok(line.length <= columns, `${line.length} of ${columns}: ${line}`)
    }
    const narrow = summary(report, { ...notes, columns: 80 })
    assert.match(narrow, /^…[^ ]*-bucket /m)
    assert.match(String(report).split('\n')[2] as string, /^download-the/, 'no terminal, no limit')
    assert.match(narrow, /^stage .* failed$/m, 'failures are never left out')
    assert.doesNotMatch(narrow, /skipped/)
  })

  it('is as narrow when it is printed as a string, at every width, with wide characters and long words', async () => {
    const names = [
      LONG,
      '画像の復号と縮小と正規化と結合をする段階',
      '👩🏽‍💻👩🏽‍💻👩🏽‍💻👩🏽‍💻👩🏽‍💻👩🏽‍💻👩🏽‍💻',
      'x'.repeat(300),
    ]
    for (const name of names) {
      const report = await reportOf(name, 7)
      for (let columns = 20; columns < 160; columns += 7) {
        for (const text of [report.toString(columns), summary(report, { ...notes, columns })])
          for (const line of text.split('\n'))
            assert.ok(width(line) <= columns, `${width(line)} of ${columns}: ${line}`)
        assert.match(report.toString(columns), /^stage .* failed/m, 'failures are never left out')
      }
    }
  })

  it('has a column for retries where there were some', async () => {
    let calls = 0
    const flaky = (n: number): number => {
      if (++calls === 3) throw new Error('once')
      return n
    }
    const pipeline = new PipelineBuilder()
      .addSource(range(5))
      .pipe(flaky, { name: 'flaky', retry: { retries: 1, minDelayMs: 1 } })
      .build()
    await pipeline.forEach(() => {})
    assert.match(pipeline.report().table, /^stage .* retries {2}failed {2}skipped$/m)
    assert.match(pipeline.report().table, /^flaky .* 1 {7}0 {8}0$/m)
  })

  it('has every column where there is room, or no terminal', async () => {
    const report = await reportOf(LONG, -1)
    for (const columns of [undefined, 200]) {
      const text = summary(report, { ...notes, columns })
      assert.match(
        text,
        /^stage +conc\. +items +items\/s +p50 +p99 +starved +busy +blocked +ready +failed +skipped$/m,
      )
      assert.ok(text.includes(LONG))
    }
  })

  it('holds no control characters of names', async () => {
    const report = await reportOf('a\u001b[2J\u202e\rb', 7)
    for (const text of [String(report), report.table, summary(report, { ...notes, columns: 80 })]) {
      assert.doesNotMatch(text, /[^\P{Cc}\n]|\p{Cf}/u)
      assert.match(text, /^a ?b /m)
    }
  })

  it('wraps texts into lines that hold all their words', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^\w{1,12}$/)),
        fc.integer({ min: 20, max: 60 }),
        (words, most) => {
          const lines = wrap(`  ${words.join(' ')}`, most)
          for (const line of lines) assert.ok(width(line) <= most)
          assert.deepEqual(lines.join(' ').trim().split(/\s+/).filter(Boolean), words)
        },
      ),
    )
  })
})
