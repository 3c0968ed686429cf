import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { describe, it } from 'node:test'
import type { LedgerStatus } from '../src/contract/status.ts'
import { MemoryEntries } from '../src/entries/memory-entries.ts'
import { bytesText, countText, durationText, fit, wrapped } from '../src/status/format.ts'
import { serveStatus } from '../src/status/status-page.ts'
import { statusLine, statusText } from '../src/status/status-text.ts'
import { StoreLedger } from '../src/store/store-ledger.ts'
import { dateMs } from '../src/timers.ts'
import { makePlan, reportOf } from './conformance.ts'

const status: LedgerStatus = {
  job: 'embed',
  epoch: 'abcdef0123456789',
  isComplete: false,
  shards: 2000,
  done: 500,
  dead: 0,
  running: 2,
  waiting: 1498,
  records: 1_234_567,
  bytes: 9.5e9,
  createdMs: 0,
  leaseMs: 30_000,
  workers: [
    reportOf('a', { startedMs: dateMs() - 100_000, reportedMs: dateMs(), shards: 200 }),
    reportOf('lost', { startedMs: 0, reportedMs: 1 }),
  ],
  failures: [
    {
      key: '1',
      name: 's1',
      attempts: 2,
      error: `no\u001b[31m space\n${'x '.repeat(60)}`,
      isDead: false,
    },
  ],
}

describe('status as text', () => {
  it('says how far a job is, what is left, and who works', () => {
    const text = statusText('./run', status)
    assert.match(text, /25 % {2}2\.0\d shards\/s|25 % {2}2\.00 shards\/s|25 % {2}1\.99 shards\/s/)
    assert.match(text, /13 min left|12 min left/)
    assert.match(text, /500 of 2,000 done, 2 running, 1,498 waiting, 0 dead/)
    assert.match(text, /1,234,567, 9\.5 GB/)
    assert.match(text, /1 live, 1 ended or lost/)
    assert.match(text, /s1: attempt 2: no space x/)
    assert.ok(text.split('\n').every((line) => line.length <= 80 && !line.includes('\u001b')))
    assert.match(statusLine(status), /^500 of 2,000 shards done, 2 running/)
  })

  it('promises nothing when no worker runs, or nothing is known', () => {
    const crashed = { ...status, workers: status.workers.slice(1) }
    assert.match(statusText('./run', crashed), /25 % {2}no worker is running/)
    const begun = { ...status, done: 0, workers: [reportOf('a', { reportedMs: dateMs() })] }
    assert.match(statusText('./run', begun), /time left unknown/)
    assert.match(statusText('./run', { ...status, isComplete: true, dead: 1 }), /with dead shards/)
  })

  it('prints numbers for people', () => {
    assert.deepEqual([0, 3.149, 12.6, 1e6].map(countText), ['0', '3.1', '13', '1,000,000'])
    assert.deepEqual([5, 1500, 123456789].map(bytesText), ['5 B', '1.5 kB', '123 MB'])
    assert.deepEqual([3, 600, 12_000, 200_000].map(durationText), [
      '3 s',
      '10 min',
      '3 h 20 min',
      '2 d 7 h',
    ])
    assert.equal(fit('abcdef', 4), 'abc…')
    assert.deepEqual(wrapped('  ab cd ef', 6, 2), ['  ab', '    cd ef'])
  })
})

describe('page about a fleet', () => {
  it('serves the status to this machine, and to no page of another site', async () => {
    const ledger = new StoreLedger(new MemoryEntries())
    await ledger.open(await makePlan(3))
    const page = await serveStatus(ledger, 0)
    const html = await fetch(page.url)
    const csp = html.headers.get('content-security-policy') ?? ''
    const nonce = /'nonce-([^']+)'/.exec(csp)?.[1]
    assert.ok((await html.text()).includes(`<script nonce="${nonce}">`))
    const status = (await (await fetch(`${page.url}status.json`)).json()) as LedgerStatus
    assert.deepEqual([status.shards, status.waiting], [3, 3])
    assert.equal((await fetch(`${page.url}other`)).status, 404)
    assert.equal((await fetch(page.url, { method: 'POST' })).status, 405)
    const refused = request(page.url, { headers: { host: 'evil.example' } }).end()
    const [answer] = await once(refused, 'response')
    assert.equal(answer.statusCode, 403)
    answer.resume()
    await assert.rejects(serveStatus(ledger, Number(new URL(page.url).port)), {
      code: 'ERR_BAD_OPTION',
    })
    page.close()
  })
})
