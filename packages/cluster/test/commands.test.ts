import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../spindle/test/support/typescript.ts'
import type { LedgerStatus } from '../src/contract/status.ts'
import { openLedger } from '../src/open/open-ledger.ts'
import { pause } from '../src/timers.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const main = file('../../spindle/src/cli/main.ts')
const slowJob = file('fixtures/slow-job.ts')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(
  args: readonly string[],
  cwd?: string,
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [...NODE_FLAGS, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code]): Ended => ({ code, stdout, stderr }))
  return { child, ended }
}

async function withPlace(
  run: (place: { folder: string; ledger: string; out: string }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'))
  try {
    await run({ folder, ledger: join(folder, 'run'), out: join(folder, 'out') })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function statusOf(ledger: string): Promise<LedgerStatus> {
  const opened = await openLedger(ledger)
  while ((await opened.join()) === undefined) await pause(20)
  return await opened.status()
}

function rowsIn(out: string): string[] {
  const { shards } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))
  return shards
    .flatMap(({ name }: { name: string }) =>
      readFileSync(join(out, name), 'utf8').trimEnd().split('\n'),
    )
    .map((line: string) => JSON.parse(line))
    .sort()
}

const ROWS = ['s0', 's1', 's2', 's3']
  .flatMap((shard) => Array.from({ length: 20 }, (_, row) => `${shard}:${row}`))
  .sort()

describe('commands of jobs', () => {
  it('run replaces a worker that was killed, whose shard is free at once', async () => {
    await withPlace(async ({ folder, ledger, out }) => {
      const args = ['--ledger', ledger, '--workers', '2', '--json', '--', out, '5']
      const { code, stdout, stderr } = await start([
        'run',
        slowJob,
        ...args,
        `kill:${join(folder, 'killed')}`,
      ]).ended
      assert.equal(code, 0, stderr)
      assert.match(stderr, /worker \d was killed by SIGKILL; it is started again/)
      const status = JSON.parse(stdout) as LedgerStatus
      assert.deepEqual([status.isComplete, status.done, status.records], [true, 4, 80])
      assert.deepEqual(rowsIn(out), ROWS)
    })
  })

  it('workers release their shards at SIGTERM, and when their parent is killed', async () => {
    await withPlace(async ({ ledger, out }) => {
      const job = [slowJob, '--ledger', ledger]
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const { child, ended } = start(['run', ...job, '--workers', '2', '--', out, '60'])
        while ((await statusOf(ledger)).running < 2) await pause(30)
        child.kill(signal)
        const { code } = await ended
        assert.equal(code, signal === 'SIGTERM' ? 143 : null)
        // Long before the leases of a minute run out.
        while ((await statusOf(ledger)).running > 0) await pause(30)
      }
      // The variable stands in for the option.
      const last = ['worker', slowJob, '--id', 'last', '--', out, '0']
      const { code, stdout } = await start(last, undefined, { SPINDLE_LEDGER: ledger }).ended
      assert.equal(code, 0)
      assert.match(stdout, /^last: \d shards done, \d+ records written; the job is complete\n$/)
      assert.deepEqual(rowsIn(out), ROWS)
    })
  })

  it('a job with dead shards ends with status 1, and --retry-dead mends it', async () => {
    await withPlace(async ({ ledger, out }) => {
      const args = ['run', slowJob, '--ledger', ledger]
      const first = await start([...args, '--', out, '0', 'fail']).ended
      assert.equal(first.code, 1)
      assert.match(first.stderr, /shard "s1" is given up: .*a bad shard/)
      assert.match(first.stderr, /1 shard failed for good: .*--retry-dead/)
      assert.ok(!existsSync(join(out, 'manifest.json')))
      const status = await start(['status', ledger]).ended
      assert.equal(status.code, 1)
      assert.match(status.stdout, /3 of 4 done, 0 running, 0 waiting, 1 dead/)
      assert.match(status.stdout, /s1: dead: [\s\S]*a bad shard/)
      assert.ok(status.stdout.split('\n').every((line) => line.length <= 80))
      const second = await start([...args, '--retry-dead', '--', out, '0']).ended
      assert.equal(second.code, 0, second.stderr)
      assert.deepEqual(rowsIn(out), ROWS)
    })
  })

  it('say what is wrong', async () => {
    await withPlace(async ({ folder, ledger }) => {
      const cases: [string[], RegExp][] = [
        [['run', slowJob], /is a job: add a place for its progress, as in --ledger/],
        [['run', slowJob, '--workers', '2'], /needs a place for the job's progress/],
        [['run', slowJob, '--ledger', ledger, '--workers', '0'], /--workers must be an integer/],
        [['run', slowJob, '--ledger', ledger, '--limit', '3'], /--limit is no option/],
        [['worker', file('worker.test.ts'), '--ledger', ledger], /has no export/],
        [['status', ledger], /holds no job yet/],
        [['status'], /needs a ledger/],
        [['run', slowJob, '--ledger', 'https://host/x'], /cannot: use a folder/],
        [['profile', slowJob, '--once'], /--once belongs to jobs/],
      ]
      const endings = await Promise.all(cases.map(([args]) => start(args, folder).ended))
      for (const [at, { code, stderr }] of endings.entries()) {
        assert.equal(code, 2, cases[at]![0].join(' '))
        assert.match(stderr, cases[at]![1])
      }
    })
  })
})
