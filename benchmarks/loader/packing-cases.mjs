import { assemblePack, packDocuments } from 'spindle/loader'
import { median, seeded } from './median.mjs'

const MAX_TOKENS = 4096

/** Lengths as web pages have them: many short ones, a few long. */
function documentsOf(count, make) {
  const random = seeded(7)
  return Array.from({ length: count }, () =>
    make(Math.min(MAX_TOKENS, Math.ceil(60 * Math.exp(2.2 * (random() + random() - 0.6))))),
  )
}

const cases = [
  [
    'Int32Array -> int32, 32 open',
    documentsOf(20_000, (n) => new Int32Array(n).fill(9)),
    'int32',
    32,
  ],
  [
    'Int32Array -> int64, 32 open',
    documentsOf(20_000, (n) => new Int32Array(n).fill(9)),
    'int64',
    32,
  ],
  ['number[] -> int64, 32 open', documentsOf(20_000, (n) => new Array(n).fill(9)), 'int64', 32],
  [
    'Int32Array -> int32, 1 open',
    documentsOf(20_000, (n) => new Int32Array(n).fill(9)),
    'int32',
    1,
  ],
  [
    'Int32Array -> int32, 256 open',
    documentsOf(20_000, (n) => new Int32Array(n).fill(9)),
    'int32',
    256,
  ],
]

export function packingRounds(rounds) {
  const measured = cases.map(([name, documents, dtype, openPacks]) => ({
    name,
    runs: [],
    run() {
      const packer = packDocuments({ maxTokens: MAX_TOKENS, openPacks })()
      const assemble = assemblePack({ maxTokens: MAX_TOKENS, dtype, labels: true })
      let [tokens, packs] = [0, 0]
      const take = (pack) => {
        if (pack === undefined) return
        packs++
        tokens += assemble(pack).tokens
      }
      const before = process.cpuUsage()
      for (const document of documents) take(packer.accumulate(document))
      while (packer.hasRest()) take(packer.flush())
      const { user, system } = process.cpuUsage(before)
      const seconds = (user + system) / 1e6
      return {
        documents: documents.length / seconds / 1e6,
        tokens: tokens / seconds / 1e6,
        full: tokens / (packs * MAX_TOKENS),
      }
    },
  }))
  for (const each of measured) each.run()
  for (let round = 0; round < rounds; round++)
    for (const each of measured) each.runs.push(each.run())
  return measured.map(({ name, runs }) => ({
    name,
    documents: median(runs.map((run) => run.documents)),
    tokens: median(runs.map((run) => run.tokens)),
    full: runs[0].full,
  }))
}
