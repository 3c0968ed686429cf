import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from 'spindle/source'
import { MemoryEntries } from '../src/entries/memory-entries.ts'
import { ObjectEntries } from '../src/entries/object-entries.ts'
import { StoreLedger } from '../src/store/store-ledger.ts'
import { ledgerConformance } from './conformance.ts'

ledgerConformance('memory', async () => {
  const entries = new MemoryEntries()
  return { open: async () => new StoreLedger(entries), remove: async () => {} }
})

ledgerConformance('folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'))
  return {
    open: async () => new StoreLedger(new ObjectEntries(openStore(folder))),
    remove: () => rm(folder, { recursive: true }),
  }
})
