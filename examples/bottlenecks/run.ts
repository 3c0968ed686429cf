// Runs the cases and prints their reports; with --write they replace those in
// docs/find-the-bottleneck.md.
//   node --import=tsx examples/bottlenecks/run.ts [--write] [source …]
import { readFileSync, writeFileSync } from 'node:fs'
import { cases } from './cases.ts'

const GUIDE = new URL('../../docs/find-the-bottleneck.md', import.meta.url)
const ITEMS = 400

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
let guide = readFileSync(GUIDE, 'utf8')
for (const [name, { before, after }] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const [which, run] of Object.entries({ before, after })) {
    const pipeline = await run(ITEMS)
    const { elapsedMs } = pipeline.stats()
    const shown = `${Math.round((ITEMS * 1000) / elapsedMs)} items/s\n\n${String(pipeline.report())}`
    console.log(`--- ${name}, ${which}: ${shown}\n`)
    guide = guide.replace(
      new RegExp(`(<!-- ${name} ${which} -->\n\`\`\`\n)[\\s\\S]*?(\n\`\`\`)`),
      (_, head: string, end: string) => head + shown + end,
    )
  }
}
if (process.argv.includes('--write')) writeFileSync(GUIDE, guide)
