// The ledgers on servers. They run where SPINDLE_LEDGERS names them, as
// `scripts/ledger-servers.mjs` does: redis://…, postgres://…, nats://…
import { describe, it } from 'node:test'
import { openServerLedger } from '../src/open/open-server-ledger.ts'
import { ledgerConformance } from './conformance.ts'

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
}
