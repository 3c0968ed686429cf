// The ledgers on servers. They run where SPINDLE_LEDGERS names them, as
// `scripts/ledger-servers.mjs` does: redis://…, postgres://…, nats://…
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lease, Ledger } from '../src/contract/ledger.ts'
import { openServerLedger } from '../src/open/open-server-ledger.ts'
import { ledgerConformance, makePlan, reportOf } from './conformance.ts'

const urls = process.env.SPINDLE_LEDGERS?.split(' ') ?? []
let count = 0

describe('ledgers on servers', () => {
  it('run where SPINDLE_LEDGERS names servers', { skip: urls.length === 0 }, () => {})
})

/** A server writes to a disk that others use too. */
const LEASE_MS = 1000

for (const url of urls) {
  const makePlace = async () => {
    const place = new URL(url)
    place.searchParams.set('ledger', `test-${process.pid}-${count++}`)
    return { open: () => openServerLedger(place.href), remove: async () => {} }
  }
  ledgerConformance(new URL(url).protocol, makePlace, LEASE_MS)

  it(`${new URL(url).protocol} hands out every shard through the engine's queue`, async () => {
    const ledger = await (await makePlace()).open()
    try {
      await ledger.open(await makePlan(3, { leaseMs: 30_000, rows: 10 }))
      const leases = await Promise.all(['a', 'b', 'c'].map((worker) => leaseOf(ledger, worker)))
      for (const { handle } of leases) assert.ok(handle, 'the shard came from the search')
      const split = await ledger.split(leases[0]!, 5)
      const part = await leaseOf(ledger, 'd')
      assert.deepEqual([part.key, typeof part.handle], [`${split.key}+1`, 'string'])
      await ledger.renew(reportOf('a'), [split])
      await ledger.release(leases[1]!)
      const again = await leaseOf(ledger, 'e')
      assert.deepEqual([again.key, typeof again.handle], [leases[1]!.key, 'string'])
      for (const lease of [split, part, leases[2]!, again])
        await ledger.complete(lease, { cursor: 1 })
      assert.equal((await ledger.lease('f')).kind, 'complete')
    } finally {
      await ledger.close()
    }
  })
}

async function leaseOf(ledger: Ledger, worker: string): Promise<Lease> {
  const answer = await ledger.lease(worker)
  assert.equal(answer.kind, 'lease')
  return (answer as { readonly lease: Lease }).lease
}
