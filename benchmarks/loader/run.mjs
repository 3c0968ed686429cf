// Collating and padding beside one copy of as many bytes, packing, and what a DataLoader costs
// beside the pipeline it makes.
//   node benchmarks/loader/run.mjs [collate] [packing] [loader] [--rounds 9] [--json out.json]
// Build first (npm run build). Rounds are interleaved; medians are printed.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from '../engine/machine.mjs'
import { collateCases } from './collate-cases.mjs'
import { loaderRounds } from './loader-cases.mjs'
import { packingRounds } from './packing-cases.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' }, json: { type: 'string' } },
})
const rounds = Number(values.rounds)
const wants = (group) => positionals.length === 0 || positionals.includes(group)
const machine = describeMachine(process.execPath)
const results = { machine, rounds }
console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node}; ${rounds} rounds\n`)

if (wants('collate')) {
  results.collate = collateCases(rounds)
  console.log(
    '| batch | MB | memory | copy, GB/s | collate, GB/s | collate / copy |\n| --- | --: | --- | --: | --: | --: |',
  )
  for (const { name, megabytes, memory, copy, collate, ratio } of results.collate)
    console.log(
      `| ${name} | ${megabytes.toFixed(1)} | ${memory} | ${copy.toFixed(1)} | ${collate.toFixed(1)} | ${ratio.toFixed(2)} |`,
    )
  console.log()
}
if (wants('packing')) {
  results.packing = packingRounds(rounds)
  console.log(
    '| packing | million documents/s | million tokens/s | full |\n| --- | --: | --: | --: |',
  )
  for (const { name, documents, tokens, full } of results.packing)
    console.log(
      `| ${name} | ${documents.toFixed(2)} | ${tokens.toFixed(0)} | ${(full * 100).toFixed(1)} % |`,
    )
  console.log()
}
if (wants('loader')) {
  results.loader = await loaderRounds(rounds)
  console.log('| what | pipeline | DataLoader | ratio |\n| --- | --: | --: | --: |')
  for (const { name, unit, pipeline, loader } of results.loader)
    console.log(
      `| ${name} | ${pipeline.toFixed(1)} ${unit} | ${loader.toFixed(1)} ${unit} | ${(loader / pipeline).toFixed(2)} |`,
    )
}
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, null, 2))
