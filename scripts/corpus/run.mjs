// Reads public test files of packages, and compares the results of @spindle/io with Pillow,
// soundfile, NumPy, tarfile, zipfile and pyarrow.
//   npm run build && npm run -s corpus [-- image sharp sound array tar zip parquet] [--match text]
//   [--all]
// Needs Python 3.11 or later and its registry, and about 400 MB in .cache/corpus; the first run
// takes some minutes, later ones one. Prints a table and what differs; fails where that is not in
// known.json, which has a reason for each.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Answerer } from './answerer.mjs'
import { compare } from './compare.mjs'
import { KINDS, listCorpus, PYTHON, prepare } from './packages.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    match: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
  },
})
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const FAULTS = ['refused', 'differs', 'crash']
const OUTCOMES = ['agree', 'both refuse', 'only here', 'not supported', ...FAULTS]

const kinds = positionals.length > 0 ? positionals : KINDS
const strange = kinds.filter((kind) => !KINDS.includes(kind))
if (strange.length > 0) throw new Error(`no kind ${strange}: there are ${KINDS.join(', ')}`)
prepare()
const corpus = listCorpus(kinds).filter(({ name }) => name.includes(options.match))
const known = JSON.parse(readFileSync(here('known.json'), 'utf8'))
const results = await tryAll(corpus)
printTable(results)
report(results)

/** Both sides at once, one file after the other. */
async function tryAll(files) {
  const own = new Answerer(process.execPath, [here('reader.mjs')])
  const judge = new Answerer(PYTHON, [here('judge.py')])
  const found = []
  for (const { kind, name, path } of files) {
    const [ours, theirs] = await Promise.all([own.ask({ kind, path }), judge.ask({ kind, path })])
    found.push({ kind, name, ...compare(kind, ours, theirs) })
  }
  own.stop()
  judge.stop()
  return found
}

function printTable(found) {
  console.log(['kind'.padEnd(9), 'files', ...OUTCOMES].join('  '))
  for (const kind of kinds) {
    const ofKind = found.filter((result) => result.kind === kind)
    const counts = OUTCOMES.map((outcome) => {
      const count = ofKind.filter((result) => result.outcome === outcome).length
      return String(count).padStart(outcome.length)
    })
    console.log([kind.padEnd(9), String(ofKind.length).padStart(5), ...counts].join('  '))
  }
}

/** Prints unknown differences, and fails if there are any. */
function report(found) {
  const entries = known.map((entry) => ({ ...entry, pattern: patternOf(entry.file), isMet: false }))
  const entryOf = ({ kind, name, outcome }) =>
    entries.find(
      (entry) => entry.kind === kind && entry.outcome === outcome && entry.pattern.test(name),
    )
  const fresh = []
  for (const result of found.filter(({ outcome }) => FAULTS.includes(outcome))) {
    const entry = entryOf(result)
    if (entry === undefined) fresh.push(result)
    else entry.isMet = true
    if (entry === undefined || options.all)
      console.log(
        `${result.outcome}: ${result.kind} ${result.name}: ${result.detail}${entry ? ` (${entry.reason})` : ''}`,
      )
  }
  if (options.all)
    for (const { outcome, kind, name, detail } of found.filter(({ outcome: is }) =>
      /^(?:only|not)/.test(is),
    ))
      console.log(`${outcome}: ${kind} ${name}: ${detail}`)
  // Only a complete run shows which entries are not needed.
  if (options.match === '' && positionals.length === 0)
    for (const { isMet, kind, file, outcome } of entries)
      if (!isMet) console.log(`no longer ${outcome}, take it out of known.json: ${kind} ${file}`)
  console.log(`${found.length - fresh.length} passed, ${fresh.length} failed`)
  process.exitCode = fresh.length > 0 ? 1 : 0
}

/** `*` stands for anything, in the end of a file's name. */
function patternOf(file) {
  const parts = file.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`(?:^|/)${parts.join('.*')}$`)
}
