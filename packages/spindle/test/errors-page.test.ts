import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')

/** Node's own codes that the sources mention. */
const OF_NODE = [
  'ERR_ACCESS_DENIED',
  'ERR_BUFFER_OUT_OF_BOUNDS',
  'ERR_BUFFER_TOO_LARGE',
  'ERR_MODULE_NOT_FOUND',
  'ERR_OUT_OF_RANGE',
  'ERR_STREAM_DESTROYED',
  'ERR_WORKER_INVALID_EXEC_ARGV',
]

/** Environment variables are no warnings. */
const VARIABLES = ['SPINDLE_LEDGER']

test('docs/errors.md has every code of the packages, each with a remedy', () => {
  const codes = inSources(/(?<=['`])ERR_[A-Z_]+(?=['`])/g).filter((code) => !OF_NODE.includes(code))
  const headings = [...page.matchAll(/^### (ERR_\w+)$/gm)].map(([, code]) => code)
  assert.deepEqual([...headings].sort(), codes)
  for (const part of page.split(/^### /m).slice(1))
    assert.match(part, /\*\*Remedy:\*\* \S/, part.slice(0, part.indexOf('\n')))
})

test('docs/errors.md has every code of a warning', () => {
  const rows = [...page.matchAll(/^\| `(SPINDLE_\w+)`/gm)].map(([, code]) => code)
  assert.deepEqual(
    [...rows].sort(),
    inSources(/(?<=')SPINDLE_[A-Z_]+(?=')/g).filter((code) => !VARIABLES.includes(code)),
  )
})

/** What the expression finds in the sources of the packages, each once and sorted. */
function inSources(expression: RegExp): string[] {
  const found = ['spindle', 'io', 'cluster', 'models']
    .map((name) => `packages/${name}/src`)
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .flatMap((file) => readFileSync(join(root, folder, file), 'utf8').match(expression) ?? []),
    )
  return [...new Set(found)].sort()
}
