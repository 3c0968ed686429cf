import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { PipelineBuilder, type PipelineStats } from 'spindle'
import { clip, clipStart, cutNames, padEnd, padStart, width } from '../../src/cells.ts'
import { drawFrame, type Scene } from '../../src/cli/view/frame.ts'
import { Screen, type Terminal } from '../../src/cli/view/screen.ts'
import { progressLine, showView } from '../../src/cli/view/view.ts'
import { findBottleneck } from '../../src/engine/report/verdict.ts'
import { plain } from '../../src/plain-text.ts'
import { range } from '../support/sources.ts'

/** A stream that keeps what is written to it. */
class FakeTerminal extends EventEmitter implements Terminal {
  readonly isTTY: boolean
  columns = 80
  rows = 24
  written = ''

  constructor(isTTY = true) {
    super()
    this.isTTY = isTTY
  }

  write(text: string): boolean {
    this.written += text
    return true
  }

  hasColors(): boolean {
    return true
  }
}

/** What was written, with the escape character made visible. */
const shown = (text: string) => text.replaceAll('\x1b', '␛')

/**
 * The lines that a terminal shows after what was written: knows the sequences that the view uses,
 * and no others.
 */
function screenAfter(written: string): string[] {
  const lines = ['']
  let [row, column] = [0, 0]
  for (const [token] of shown(written).matchAll(/␛\[\??[\d;]*[a-zA-Z]|./gsu)) {
    const line = lines[row] ?? ''
    const up = token.match(/^␛\[(\d+)A$/)
    if (up !== null) row = Math.max(0, row - Number(up[1]))
    else if (token === '␛[K') lines[row] = line.slice(0, column)
    else if (token === '␛[J') lines.splice(row, lines.length, line.slice(0, column))
    else if (token === '\r') column = 0
    else if (token === '\n') {
      lines[++row] ??= ''
      column = 0
    } else if (token.startsWith('␛')) assert.match(token, /^␛\[(?:\?(?:25|2026)[hl]|[\d;]*m)$/)
    else lines[row] = line.slice(0, column) + token + line.slice(++column)
  }
  return lines
}

async function statsOf(names: readonly string[], failsAt = -1): Promise<PipelineStats> {
  let builder = new PipelineBuilder().addSource(range(30))
  for (const name of names)
    builder = builder.pipe(
      (n) => {
        if (n === failsAt) throw new Error('bad')
        return n
      },
      { name, concurrency: 3, maxFailures: Number.POSITIVE_INFINITY },
    )
  const pipeline = builder.build()
  await pipeline.forEach(() => {})
  return pipeline.stats()
}

function sceneOf(stats: PipelineStats, unit = 'images'): Scene {
  return {
    total: stats,
    now: stats,
    bottleneck: findBottleneck(stats),
    unit,
    cpuCores: 1.25,
    rssBytes: 3e8,
  }
}

describe('a frame of the terminal view', () => {
  it('fits every terminal, whatever stages are called', async () => {
    const names = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), {
      minLength: 1,
      maxLength: 9,
    })
    const sizes = {
      columns: fc.integer({ min: 1, max: 160 }),
      rows: fc.integer({ min: 1, max: 40 }),
    }
    await fc.assert(
      fc.asyncProperty(
        names,
        fc.record({ ...sizes, hasColors: fc.boolean() }),
        async (stages, size) => {
          const lines = drawFrame(
            sceneOf(await statsOf([...stages, '画像の復号', '\x1b[2Jevil\n'], 3)),
            size,
          )
          assert.ok(
            lines.length <= Math.max(1, size.rows - 1),
            `${lines.length} lines in ${size.rows} rows`,
          )
          for (const line of lines) {
            const text = stripVTControlCharacters(line)
            assert.ok(width(text) < Math.max(2, size.columns), `${width(text)} cells: ${text}`)
            assert.doesNotMatch(text, /\p{Cc}/u, 'no control characters')
            if (!size.hasColors) assert.equal(line, text)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('has a row a stage, with the bottleneck marked and failures counted', async () => {
    const stats = await statsOf(['read', 'decode'], 3)
    const scene: Scene = {
      ...sceneOf(stats),
      bottleneck: {
        stage: 'decode',
        kind: 'stage',
        reason: 'it is slow',
        advice: '',
        evidence: {},
        promise: 1,
        headroom: 2,
      },
    }
    const lines = drawFrame(scene, { columns: 80, rows: 24, hasColors: false })
    for (const name of ['source', 'read ×3', 'sink', 'consumer'])
      assert.ok(
        lines.some((line) => line.startsWith(`  ${name}`)),
        name,
      )
    assert.ok(lines.some((line) => line.startsWith('▶ decode ×3')))
    assert.ok(lines.includes('▶ decode: it is slow'))
    assert.match(lines[0] as string, /30 images in, 29 out .* images\/s {2}1 failed/)
  })

  it('keeps the ends of long names, and how many calls run at once', async () => {
    const stats = await statsOf(['download-the-original-image-from-the-bucket'])
    for (const columns of [40, 60, 80]) {
      const lines = drawFrame(sceneOf(stats), { columns, rows: 24, hasColors: false })
      assert.match(lines.join('\n'), /^. …[^ ]*t ×3 /m, `${columns}`)
    }
  })

  it('keeps the bottleneck in sight where there is not room for all stages', async () => {
    const stats = await statsOf(range(12).map((i) => `stage ${i}`))
    const scene: Scene = {
      ...sceneOf(stats),
      bottleneck: {
        stage: 'stage 7',
        kind: 'stage',
        reason: '',
        advice: '',
        evidence: {},
        promise: 1,
        headroom: 2,
      },
    }
    for (let rows = 2; rows < 12; rows++) {
      const lines = drawFrame(scene, { columns: 60, rows: rows + 1, hasColors: false })
      assert.ok(
        lines.some((line) => line.startsWith('▶ stage 7')),
        `${rows} rows: ${lines.join('\n')}`,
      )
    }
  })
})

describe('cells', () => {
  it('are counted as terminals do', () => {
    assert.deepEqual(['', 'abc', '画像', 'e\u0301', '👩‍👩‍👧', '▶█'].map(width), [0, 3, 4, 1, 2, 2])
  })

  it('are cut at the beginning where the end tells names from others', () => {
    assert.equal(clipStart('read-the-original', 9), '…original')
    assert.equal(clipStart('画像の復号', 6), '…復号')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map(plain), fc.nat(20), (text, cells) => {
        const cut = clipStart(text, cells)
        assert.ok(width(cut) <= cells)
        assert.ok(cut === text || text.endsWith(cut.slice(1)))
      }),
    )
  })

  it('of names keep what differs, where their ends are the same', () => {
    assert.deepEqual(
      cutNames(['read-the-tar-of-the-region', 'read-the-zip-of-the-region', 'crop'], 10),
      ['…-the-tar…', '…-the-zip…', 'crop'],
    )
    assert.deepEqual(cutNames(['the-same-name-twice', 'the-same-name-twice'], 8), [
      '…e-twice',
      '…e-twice',
    ])
    const names = fc.array(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).map(plain),
      {
        maxLength: 6,
      },
    )
    fc.assert(
      fc.property(names, fc.nat(20), (all, cells) => {
        for (const cut of cutNames(all, cells)) assert.ok(width(cut) <= cells)
      }),
    )
  })

  it('are cut and padded to size', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map(plain), fc.nat(20), (text, cells) => {
        assert.ok(width(clip(text, cells)) <= cells)
        assert.equal(width(padEnd(text, cells)), cells)
        assert.equal(width(padStart(text, cells)), cells)
      }),
    )
  })
})

describe('the screen', () => {
  it('draws over what it drew, also when there is less of it or the terminal has become narrower', () => {
    const terminal = new FakeTerminal()
    const screen = new Screen(terminal, [])
    screen.draw(['one', 'two', 'three'])
    screen.draw(['uno', 'due'])
    assert.deepEqual(screenAfter(terminal.written), ['uno', 'due', ''])
    screen.draw(['x'.repeat(70)])
    terminal.columns = 30
    terminal.written = ''
    screen.draw(['short'])
    assert.ok(terminal.written.includes('\x1b[3A'), 'the line had been broken into three')
    screen.end()
  })

  it('lets others print above it, and is gone at its end', () => {
    const [terminal, other] = [new FakeTerminal(), new FakeTerminal()]
    // Both lead to the same terminal.
    const { write } = other
    other.write = (text) => terminal.write(text)
    const ownWrite = other.write
    // The loop guard may have one of its own, from a pipeline of another test.
    const listening = process.listeners('exit').length
    const screen = new Screen(terminal, [other])
    screen.draw(['one', 'two'])
    other.write('hello\n')
    other.write('unfinished')
    screen.draw(['three'])
    assert.deepEqual(screenAfter(terminal.written), ['hello', 'unfinished', 'three', ''])
    screen.end()
    assert.deepEqual(screenAfter(terminal.written), ['hello', 'unfinished', ''])
    assert.ok(terminal.written.endsWith('\x1b[?25h'), 'the cursor is back')
    assert.equal(other.write, ownWrite)
    assert.notEqual(other.write, write)
    assert.equal(process.listeners('exit').length, listening)
  })
})

describe('showing a pipeline at work', () => {
  const build = () =>
    new PipelineBuilder()
      .addSource(range(20))
      .pipe((n) => new Promise<number>((resolve) => setTimeout(resolve, 2, n)))
      .build()

  it('draws on a terminal, and takes all away at the end', async () => {
    const terminal = new FakeTerminal()
    const pipeline = build()
    const end = showView(pipeline, 'things', undefined, { terminal, others: [], env: {} })
    await pipeline.forEach(() => {})
    terminal.emit('resize')
    assert.match(screenAfter(terminal.written)[0] as string, /20 things in, 20 out/)
    assert.match(shown(terminal.written), /␛\[1m/, 'with colours')
    end()
    assert.deepEqual(screenAfter(terminal.written), [''])
    assert.equal(terminal.listenerCount('resize'), 0)
  })

  it('has no colours where NO_COLOR is set', async () => {
    const terminal = new FakeTerminal()
    const end = showView(build(), 'things', undefined, {
      terminal,
      others: [],
      env: { NO_COLOR: '1' },
    })
    end()
    assert.doesNotMatch(shown(terminal.written), /␛\[[\d;]*m/)
  })

  it('shows nothing where nobody looks, or it is not wanted', () => {
    for (const [isTTY, isAsked] of [
      [false, undefined],
      [false, false],
      [true, false],
    ] as const) {
      const terminal = new FakeTerminal(isTTY)
      showView(build(), 'things', isAsked, { terminal, others: [], env: {} })()
      assert.equal(terminal.written, '')
    }
  })

  it('writes plain lines to what is no terminal, and to a dumb one', async () => {
    for (const [terminal, env] of [
      [new FakeTerminal(false), {}],
      [new FakeTerminal(), { TERM: 'dumb' }],
    ] as const) {
      const end = showView(build(), 'things', true, { terminal, others: [], env, linesMs: 1 })
      while (terminal.written.split('\n').length < 3)
        await new Promise((resolve) => setTimeout(resolve, 1))
      end()
      assert.match(terminal.written, /^(?:\d+\.\d s {2}0 things in, 0 out, - things\/s\n){2,}$/)
    }
  })

  it('says in a line what is to be known', async () => {
    const line = progressLine(sceneOf(await statsOf(['decode'], 3), 'images'))
    assert.match(
      line,
      /^\d+\.\d s {2}30 images in, 29 out, [\d.k]+ images\/s, 1 failed( {2}slowest: |$)/,
    )
  })
})
