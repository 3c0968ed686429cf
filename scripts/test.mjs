// Runs the test files with node:test through tsx, on the sources. Node 20 has no globs in `node --test`, hence the listing.
//   node scripts/test.mjs [--node /path/to/node] [part of a file name …]
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const args = process.argv.slice(2)
let node = process.execPath
const at = args.indexOf('--node')
if (at >= 0) node = args.splice(at, 2)[1]

const files = readdirSync(join(root, 'packages'))
  .flatMap((name) => listTests(join(root, 'packages', name, 'test')))
  .map((file) => relative(root, file))
  .filter((file) => args.length === 0 || args.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`no test file matches ${args.join(' ')}`)
  process.exit(1)
}
const run = spawnSync(
  node,
  ['--conditions=@spindle/source', '--import', 'tsx', '--expose-gc', '--test', '--test-reporter=spec', ...files],
  { cwd: root, stdio: 'inherit' },
)
process.exit(run.status ?? 1)

function listTests(folder) {
  try {
    return readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}
