import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ChildResult } from '../support/child.ts'
import { NODE_FLAGS } from '../support/typescript.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const main = file('../../src/cli/main.ts')
const endings = file('fixtures/endings.ts')

interface Started {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly result: { stdout: string; stderr: string }
  readonly ended: Promise<ChildResult>
}

function start(args: readonly string[]): Started {
  const child = spawn(process.execPath, [...NODE_FLAGS, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  const result = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text))
  const ended = once(child, 'close').then(
    ([code, signal]): ChildResult => ({ code, signal, ...result }),
  )
  return { child, result, ended }
}

const run = (way: string, ...options: readonly string[]): Promise<ChildResult> =>
  start(['run', endings, ...options, '--', way]).ended

const hasFull = existsSync('/dev/full')
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/

describe('spindle run ends with a status that tells the truth', { concurrency: 2 }, () => {
  it('1 where an op never settles, with stage and item, in words and as JSON', async () => {
    const { code, stdout, stderr } = await run('never', '--json')
    assert.equal(code, 1, stderr)
    assert.match(
      stderr,
      /^spindle: the pipeline cannot end.*stage "op" \(.*endings\.ts:\d+\) has not finished item 3\b/,
    )
    const { error, unfinished, stats } = JSON.parse(stdout)
    assert.match(error, /^UnfinishedError: .*item 3/)
    assert.deepEqual(unfinished[0].items, ['3'])
    assert.equal(stats.stages[1].emitted, 3)
  })

  it('0 of a module with a sink, which is written, and continued by the same command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sink-'))
    const module = file('fixtures/writing.ts')
    const place = join(folder, 'out')
    for (const items of [3, 0]) {
      const { code, stdout, stderr } = await start(['run', module, '--json', '--', place]).ended
      assert.equal(code, 0, stderr)
      const { written } = JSON.parse(stdout)
      assert.deepEqual(written, { items, shards: 2, records: 3, bytes: 6 })
    }
    const { stdout } = await start(['run', module, '--', place]).ended
    assert.match(stdout, /^Written: 3 records, 2 shards, 6 B\.$/m)
    const limited = await start(['run', module, '--limit', '1', '--', join(folder, 'none')]).ended
    assert.match(limited.stderr, /with --limit, items are not written to the sink/)
    assert.ok(!existsSync(join(folder, 'none')))
    rmSync(folder, { recursive: true })
  })

  it('1 where the function that makes the pipeline never settles', async () => {
    const { code, stdout, stderr } = await run('neverMade')
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(
      stderr,
      /^spindle: nothing is left to run in this process, but loading .*endings\.[jt]s has not ended/,
    )
  })

  it('1 of spindle profile, too', async () => {
    const { code, stdout, stderr } = await start(['profile', endings, '--', 'never']).ended
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(stderr, /stage "op" .* has not finished item 3\b/)
  })

  it('3 where report and trace cannot be written: the result is printed first, then each error as a line', {
    skip: !hasFull,
  }, async () => {
    const { code, stdout, stderr } = await run(
      'well',
      '--report',
      '/dev/full',
      '--trace',
      '/dev/full',
    )
    assert.equal(code, 3, stderr)
    assert.match(stdout, /5 numbers in .* 0 failed, 5 items out/)
    const lines = stderr.trimEnd().split('\n')
    assert.equal(lines.length, 2, stderr)
    assert.match(
      lines[0] as string,
      /^spindle: the report cannot be written to \/dev\/full: ENOSPC/,
    )
    assert.match(lines[1] as string, /^spindle: the trace cannot be written to \/dev\/full: ENOSPC/)
  })

  it('1 where the pipeline failed and the files cannot be written either: its reason comes first', {
    skip: !hasFull,
  }, async () => {
    const { code, stdout, stderr } = await run(
      'badly',
      '--json',
      '--report',
      '/dev/full',
      '--trace',
      '/dev/full',
    )
    assert.equal(code, 1, stderr)
    assert.match(JSON.parse(stdout).error, /three is bad/)
    assert.match(
      stderr,
      /^spindle: stage "op" .* failed on item 3: three is bad\nspindle: the report .*\nspindle: the trace .*\n$/,
    )
  })

  it('0 after --limit calls of a last stage that gives nothing', async () => {
    const { code, stdout, stderr } = await run('saves', '--limit', '20', '--json')
    assert.equal(code, 0, stderr)
    const { items, stages } = JSON.parse(stdout).stats
    assert.ok(items >= 20 && items <= 22, `${items} items`)
    assert.deepEqual([stages[1].items, stages[1].emitted], [items, 0])
  })

  it('143 after SIGTERM, with the report', async () => {
    const { child, result, ended } = start(['run', endings, '--progress', '--', 'waits'])
    while (!result.stderr.includes('numbers in')) await once(child.stderr, 'data')
    child.kill('SIGTERM')
    const { code, stdout, stderr } = await ended
    assert.equal(code, 143, stderr)
    assert.match(stdout, /0 failed, 0 items out/)
    assert.match(
      stderr,
      /stopping; press Ctrl-C again to end at once\nspindle: still running: stage "op" .* has not finished item 0\n/,
    )
  })

  it('141 without a word where the reader of what its ops print leaves', async () => {
    const { child, ended } = start(['run', endings, '--', 'prints'])
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const { code, stderr } = await ended
    assert.equal(code, 141, stderr)
    assert.equal(stderr, '')
  })

  it('0 without a word where the reader leaves before the report, or the help', async () => {
    for (const args of [['run', endings, '--', 'well'], ['--help']]) {
      const { child, ended } = start(args)
      child.stdout.destroy()
      const { code, stderr } = await ended
      assert.equal(code, 0, stderr)
      assert.equal(stderr, '')
    }
  })

  it('0 a while after the report where the module left something open, which is named', async () => {
    const { code, stdout, stderr } = await run('open')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /5 items out/)
    assert.match(stderr, /kept alive by .*1 listening server.*\. It ends now/)
  })
})

describe('spindle run gives a terminal no text from outside as it is', { concurrency: 2 }, () => {
  it('in table, failures and verdict; JSON keeps it', async () => {
    const { code, stdout, stderr } = await run('escapes')
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stdout, CONTROLS)
    assert.equal(stdout.match(/^0 failed/m), null, 'no line is forged')
    assert.match(stdout, /cannot read a ?b c 0 failed/)
    const { stdout: json } = await run('escapes', '--json')
    assert.doesNotMatch(json, CONTROLS)
    assert.ok(JSON.parse(json).failures[0].message.includes('\x1b[2J\x9b31m\rb\u202ec'))
  })

  it('in the reason of a failure, and of a module that cannot be loaded', async () => {
    const { code, stderr } = await run('fatalEscapes')
    assert.equal(code, 1)
    assert.doesNotMatch(stderr, CONTROLS)
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
    const missing = await start(['run', 'no\x1b[2J\rsuch.mjs']).ended
    assert.equal(missing.code, 2)
    assert.doesNotMatch(missing.stderr, CONTROLS)
  })
})

describe('spindle is the command of the copy that the module imports', () => {
  it('and says of a pipeline of yet another copy that it cannot look into it', async () => {
    for (const args of [
      ['run', endings, '--trace', '/dev/null'],
      ['profile', endings],
    ]) {
      const { code, stderr } = await start([...args, '--', 'foreign']).ended
      assert.equal(code, 2, stderr)
      assert.match(
        stderr,
        /cannot look into this pipeline: another copy of spindle has made it|must be a Pipeline/,
      )
    }
  })

  it('and says so where the versions differ', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spindle-copy-'))
    try {
      const copy = join(folder, 'node_modules/spindle')
      mkdirSync(join(copy, 'cli'), { recursive: true })
      writeFileSync(
        join(copy, 'package.json'),
        JSON.stringify({
          name: 'spindle',
          version: '9.9.9',
          type: 'module',
          bin: { spindle: './cli/main.js' },
        }),
      )
      writeFileSync(join(copy, 'cli/main.js'), 'console.log(JSON.stringify(process.argv.slice(2)))')
      writeFileSync(join(folder, 'pipeline.mjs'), '')
      const args = ['run', join(folder, 'pipeline.mjs'), '--limit', '3', '--', 'run', 'other.mjs']
      const { code, stdout, stderr } = await start(args).ended
      assert.equal(code, 0, stderr)
      assert.deepEqual(JSON.parse(stdout), args)
      assert.match(
        stderr,
        /^spindle: this command is version .*; the module uses version 9\.9\.9 in /,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
