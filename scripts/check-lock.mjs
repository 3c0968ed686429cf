// Every package that comes from a registry has its checksum in the lock files: without it npm
// installs whatever it is sent.
//   node scripts/check-lock.mjs [lock file …]
// npm leaves the checksum out of an optional package of another platform when it makes a lock file
// from what is installed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './tools.mjs'

const LOCKS = ['package-lock.json', '.ci/tools/package-lock.json', 'site/package-lock.json'].map(
  (file) => join(root, file),
)
const files = process.argv.length > 2 ? process.argv.slice(2) : LOCKS
const missing = files.flatMap((file) => {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'))
  return Object.entries(packages)
    .filter(
      ([path, { link, integrity }]) => /(^|\/)node_modules\//.test(path) && !link && !integrity,
    )
    .map(([path, { version }]) => `${file}: ${path} ${version} has no integrity`)
})
for (const line of missing)
  console.error(
    `${line}: npm view ${line.match(/node_modules\/(?!.*node_modules\/)(\S+)/)[1]} dist.integrity`,
  )
process.exitCode = missing.length > 0 ? 1 : 0
