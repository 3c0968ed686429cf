import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EpochPlan, epochId, type ShardSpec } from '../src/contract/epoch.ts'
import type { Lease, Ledger } from '../src/contract/ledger.ts'
import type { ShardResult, WorkerReport } from '../src/contract/status.ts'
import { pause } from '../src/timers.ts'

/** A place that ledgers of several processes share. */
export interface LedgerPlace {
  /** Another ledger on the same place, as another process has it. */
  open(): Promise<Ledger>
  /** Removes the place. */
  remove(): Promise<void>
}

const LEASE_MS = 150

/** A plan with `count` shards. */
export async function makePlan(
  count: number,
  changes: Partial<EpochPlan> & { readonly rows?: number; readonly seed?: number } = {},
): Promise<EpochPlan> {
  const { rows, seed = 0, ...rest } = changes
  const list: ShardSpec[] = Array.from({ length: count }, (_, at) => ({
    name: `shard-${at}`,
    ...(rows !== undefined && { rows }),
  }))
  const { id } = await epochId({ seed }, list)
  return {
    id,
    job: 'test',
    shardCount: count,
    leaseMs: LEASE_MS,
    maxLosses: 5,
    shards: () => list,
    ...rest,
  }
}

export function reportOf(worker: string, changes: Partial<WorkerReport> = {}): WorkerReport {
  return {
    worker,
    host: 'host',
    pid: 1,
    state: 'working',
    startedMs: 1,
    reportedMs: 2,
    shards: 0,
    records: 0,
    failures: 0,
    working: [],
    memoryBytes: 3,
    ...changes,
  }
}

const output = (name: string, count = 1) => ({ name, count, bytes: 10 })

async function take(ledger: Ledger, worker: string): Promise<Lease> {
  const answer = await ledger.lease(worker)
  assert.equal(answer.kind, 'lease', `${worker} gets no lease`)
  return (answer as { lease: Lease }).lease
}

/** Asks until a lease of a lost worker has run out. */
async function takeWhenFree(ledger: Ledger, worker: string, leaseMs: number): Promise<Lease> {
  for (;;) {
    const answer = await ledger.lease(worker)
    if (answer.kind === 'lease') return answer.lease
    assert.equal(answer.kind, 'busy')
    await pause(leaseMs / 5)
  }
}

async function answerIs(ledger: Ledger, worker: string, kind: string): Promise<void> {
  assert.equal((await ledger.lease(worker)).kind, kind)
}

async function resultsOf(ledger: Ledger): Promise<ShardResult[]> {
  const results: ShardResult[] = []
  for await (const result of ledger.results()) results.push(result)
  return results
}

const LOST = { code: 'ERR_LEASE_LOST' }

/** What every ledger does. Call it at the top of a test file. */
export function ledgerConformance(
  name: string,
  makePlace: () => Promise<LedgerPlace>,
  leaseMs = LEASE_MS,
): void {
  const planOf: typeof makePlan = (count, changes) => makePlan(count, { leaseMs, ...changes })
  const takeLater = (ledger: Ledger, worker: string) => takeWhenFree(ledger, worker, leaseMs)
  const test = (
    title: string,
    run: (place: LedgerPlace, ledger: Ledger) => Promise<void>,
  ): void => {
    it(title, async () => {
      const place = await makePlace()
      const ledger = await place.open()
      try {
        await run(place, ledger)
      } finally {
        await ledger.close()
        await place.remove()
      }
    })
  }
  const withOther = async (
    place: LedgerPlace,
    use: (other: Ledger) => Promise<void>,
  ): Promise<void> => {
    const other = await place.open()
    try {
      await use(other)
    } finally {
      await other.close()
    }
  }

  describe(`ledger: ${name}`, () => {
    test('an epoch is made once, joined by its plan, and refuses another plan', async (place, a) => {
      assert.equal(await a.join(), undefined)
      await assert.rejects(a.lease('a'), { code: 'ERR_NO_EPOCH' })
      const plan = await planOf(3)
      const epoch = await a.open(plan)
      assert.deepEqual([epoch.id, epoch.shardCount, epoch.leaseMs], [plan.id, 3, leaseMs])
      await withOther(place, async (b) => {
        assert.deepEqual(await b.join(), epoch)
        assert.deepEqual(await b.open(plan), epoch)
        const others = [await planOf(3, { seed: 1 }), await planOf(4)]
        for (const other of others)
          await assert.rejects(b.open(other), { code: 'ERR_EPOCH_MISMATCH' })
      })
    })

    test('of callers that open different plans at once, one succeeds', async (place, a) => {
      const plans = [await planOf(5), await planOf(5, { seed: 1 }), await planOf(6)]
      const ledgers = [a, await place.open(), await place.open()]
      const opened = await Promise.allSettled(plans.map((plan, at) => ledgers[at]!.open(plan)))
      assert.equal(opened.filter(({ status }) => status === 'fulfilled').length, 1)
      const winner = plans[opened.findIndex(({ status }) => status === 'fulfilled')]!
      assert.equal((await ledgers[2]!.status()).shards, winner.shardCount)
      await Promise.all(ledgers.slice(1).map((ledger) => ledger.close()))
    })

    test('each shard goes to one worker, then all is busy, then complete', async (place, a) => {
      await a.open(await planOf(6))
      await withOther(place, async (b) => {
        await b.join()
        const leases = await Promise.all(
          [a, b, a, b, a, b].map((ledger) => take(ledger, ledger === a ? 'a' : 'b')),
        )
        assert.equal(new Set(leases.map(({ key }) => key)).size, 6)
        await answerIs(a, 'c', 'busy')
        for (const lease of leases) {
          assert.deepEqual(lease.progress, { cursor: 0, outputs: [] })
          const ledger = lease.worker === 'a' ? a : b
          await ledger.complete(lease, { cursor: 4, outputs: [output(lease.shard.name, 4)] })
        }
        await answerIs(a, 'a', 'complete')
        await answerIs(b, 'c', 'complete')
        const results = await resultsOf(b)
        assert.deepEqual(
          results.map(({ index, name, outputs }) => [index, name, outputs[0]!.name]),
          Array.from({ length: 6 }, (_, at) => [at, `shard-${at}`, `shard-${at}`]),
        )
        const { isComplete, done, records, bytes, running, waiting } = await b.status()
        assert.deepEqual([isComplete, done, records, bytes], [true, 6, 24, 60])
        assert.deepEqual([running, waiting], [0, 0])
      })
    })

    test('commits move the cursor, keep the state and append outputs', async (_place, a) => {
      await a.open(await planOf(1))
      let lease = await take(a, 'a')
      lease = await a.commit(lease, { cursor: 2, state: { at: 2 }, outputs: [output('x')] })
      lease = await a.commit(lease, { cursor: 2 })
      lease = await a.commit(lease, { cursor: 5, state: { at: 5 }, outputs: [output('y')] })
      await assert.rejects(a.commit(lease, { cursor: 4 }), { code: 'ERR_BAD_OPTION' })
      await a.release(lease)
      const next = await take(a, 'b')
      const outputs = [output('x'), output('y')]
      assert.deepEqual(next.progress, { cursor: 5, state: { at: 5 }, outputs })
      await a.complete(next, { cursor: 6, outputs: [output('z')] })
      const [result] = await resultsOf(a)
      assert.deepEqual(result!.outputs, [...outputs, output('z')])
    })

    test('a worker that was lost can change nothing, whatever it tries', async (place, a) => {
      await a.open(await planOf(1, { rows: 100 }))
      await a.renew(reportOf('zombie'), [])
      const zombie = await a.commit(await take(a, 'zombie'), { cursor: 3, outputs: [output('x')] })
      await withOther(place, async (b) => {
        const lease = await takeLater(b, 'b')
        assert.equal(lease.progress.cursor, 3)
        assert.ok(lease.fence > zombie.fence)
        assert.deepEqual(lease.earlier, [zombie.fence])
        assert.equal(lease.losses, 1)
        for (const attempt of [
          () => a.commit(zombie, { cursor: 9, outputs: [output('lost')] }),
          () => a.complete(zombie, { cursor: 9, outputs: [output('lost')] }),
          () => a.release(zombie),
          () => a.fail(zombie, 'no', { isDead: true }),
          () => a.split(zombie, 50),
        ])
          await assert.rejects(attempt(), LOST)
        assert.deepEqual(await a.renew(reportOf('zombie'), [zombie]), [zombie.key])
        assert.deepEqual(await b.renew(reportOf('b'), [lease]), [])
        await b.complete(lease, { cursor: 7, outputs: [output('y')] })
        // Also when the shard is done, and when its entries are removed.
        await assert.rejects(a.complete(zombie, { cursor: 9 }), LOST)
        await answerIs(b, 'b', 'complete')
        await assert.rejects(a.commit(zombie, { cursor: 9 }), LOST)
        const results = await resultsOf(a)
        assert.deepEqual(results[0]!.outputs, [output('x'), output('y')])
      })
    })

    test('renewals keep a lease, also those of another instance', async (place, a) => {
      await a.open(await planOf(1))
      const lease = await take(a, 'a')
      await withOther(place, async (b) => {
        await b.join()
        for (let at = 0; at < 12; at++) {
          assert.deepEqual(await b.renew(reportOf('a', { reportedMs: at }), [lease]), [])
          await answerIs(b, 'b', 'busy')
          await pause(leaseMs / 5)
        }
      })
      await a.complete(lease, { cursor: 1 })
    })

    test('of workers that take a lost shard at once, one gets it', async (place, a) => {
      await a.open(await planOf(1))
      await take(a, 'lost')
      const others = await Promise.all([place.open(), place.open(), place.open()])
      const leases: Lease[] = []
      while (leases.length === 0) {
        const answers = await Promise.all(others.map((ledger, at) => ledger.lease(`w${at}`)))
        for (const answer of answers) if (answer.kind === 'lease') leases.push(answer.lease)
        await pause(leaseMs / 5)
      }
      assert.equal(leases.length, 1)
      await Promise.all(others.map((ledger) => ledger.close()))
    })

    test('shards of a worker that is said to have ended are free at once', async (_place, a) => {
      await a.open(await planOf(1, { leaseMs: 3_600_000 }))
      await a.renew(reportOf('a'), [])
      const lease = await take(a, 'a')
      await answerIs(a, 'b', 'busy')
      await a.forget('a')
      const next = await takeLater(a, 'b')
      assert.equal(next.key, lease.key)
      await assert.rejects(a.release(lease), LOST)
      assert.equal((await a.status()).workers.find(({ worker }) => worker === 'a')?.state, 'ended')
    })

    test('failures are counted, forgotten after progress, and end in a dead shard', async (_p, a) => {
      await a.open(await planOf(2))
      let lease = await take(a, 'a')
      await a.fail(lease, 'first', { isDead: false })
      const other = await take(a, 'b')
      assert.notEqual(other.key, lease.key, 'untouched shards come first')
      await a.complete(other, { cursor: 0 })
      lease = await take(a, 'a')
      assert.equal(lease.failures, 1)
      assert.equal((await a.status()).failures[0]?.error, 'first')
      lease = await a.commit(lease, { cursor: 1, outputs: [output('x')] })
      assert.equal(lease.failures, 0)
      await a.fail(lease, 'second', { isDead: true })
      await answerIs(a, 'a', 'complete')
      const { done, dead, isComplete, failures } = await a.status()
      assert.deepEqual([done, dead, isComplete], [1, 1, true])
      assert.equal(failures[0]?.isDead, true)
      assert.equal(failures[0]?.error, 'second')
      const results = await resultsOf(a)
      assert.deepEqual(results.map(({ isDead }) => isDead).sort(), [false, true])

      assert.equal(await a.revive(), 1)
      const again = await take(a, 'c')
      assert.deepEqual([again.failures, again.progress.cursor], [0, 1])
      await a.complete(again, { cursor: 2 })
      await answerIs(a, 'c', 'complete')
      assert.deepEqual([(await a.status()).done, await a.revive()], [2, 0])
    })

    test('a shard that loses every worker becomes dead', async (_place, a) => {
      await a.open(await planOf(1, { leaseMs: 3_600_000, maxLosses: 1 }))
      for (const worker of ['a', 'b']) {
        await a.renew(reportOf(worker), [])
        await takeLater(a, worker)
        await a.forget(worker)
      }
      while ((await a.lease('c')).kind !== 'complete') await pause(1)
      assert.equal((await a.status()).dead, 1)
      assert.match((await a.status()).failures[0]!.error, /workers were lost/)
    })

    test('a split gives the upper rows to another worker', async (_place, a) => {
      await a.open(await planOf(1, { rows: 100 }))
      let lease = await a.commit(await take(a, 'a'), { cursor: 10 })
      await assert.rejects(a.split(lease, 10), { code: 'ERR_BAD_OPTION' })
      lease = await a.split(lease, 60)
      assert.deepEqual(lease.range, { start: 0, end: 60 })
      await assert.rejects(a.split(lease, 60), { code: 'ERR_BAD_OPTION' })
      const part = await take(a, 'b')
      assert.deepEqual([part.range, part.progress.cursor], [{ start: 60 }, 0])
      assert.notEqual(part.key, lease.key)
      assert.equal(part.index, lease.index)
      const half = await a.split(part, 80)
      const last = await take(a, 'c')
      assert.deepEqual([half.range, last.range], [{ start: 60, end: 80 }, { start: 80 }])
      await a.complete(lease, { cursor: 60, outputs: [output('low', 60)] })
      await a.complete(last, { cursor: 20, outputs: [output('high', 20)] })
      await answerIs(a, 'd', 'busy')
      await a.complete(half, { cursor: 20, outputs: [output('middle', 20)] })
      await answerIs(a, 'd', 'complete')
      const results = await resultsOf(a)
      const names = results.map(({ outputs }) => outputs[0]!.name)
      assert.deepEqual(names, ['low', 'middle', 'high'])
    })

    test('an idle worker asks for splits, and the holder hears of it', async (place, a) => {
      await a.open(await planOf(1, { rows: 100 }))
      const lease = await take(a, 'a')
      assert.equal(await a.isSplitRequested(lease), false)
      await withOther(place, async (b) => {
        await answerIs(b, 'b', 'busy')
        assert.equal(await b.requestSplits('b'), 1)
      })
      assert.equal(await a.isSplitRequested(lease), true)
    })

    test('many shards and workers: each shard once, small and large manifests', async (place, a) => {
      const count = 300
      await a.open(await planOf(count))
      const ledgers = [a, await place.open(), await place.open()]
      await Promise.all(
        ledgers.map(async (ledger, at) => {
          for (;;) {
            const answer = await ledger.lease(`w${at}`)
            if (answer.kind === 'complete') return
            if (answer.kind === 'busy') await pause(2)
            else {
              const outputs = [output(answer.lease.key)]
              await ledger.complete(answer.lease, { cursor: 1, outputs })
            }
          }
        }),
      )
      const results = await resultsOf(a)
      assert.equal(results.length, count)
      assert.deepEqual(
        results.map(({ index }) => index),
        Array.from({ length: count }, (_, at) => at),
      )
      assert.ok(results.every(({ outputs }) => outputs.length === 1))
      await Promise.all(ledgers.slice(1).map((ledger) => ledger.close()))
    })

    test('an empty epoch is complete at once', async (_place, a) => {
      await a.open(await planOf(0))
      await answerIs(a, 'a', 'complete')
      assert.equal((await a.status()).isComplete, true)
    })

    test('calls end when their signal is aborted', async (_place, a) => {
      await a.open(await planOf(1))
      const signal = AbortSignal.abort(new Error('stop'))
      await assert.rejects(a.lease('a', { signal }), /stop/)
    })
  })
}
