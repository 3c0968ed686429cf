// A build of the package without observation: it times no task, reads no clock for queues and
// slots, and marks no call for the loop guard. Counters that add one to a number stay, because
// their cost cannot be measured.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundlePackage } from '../../scripts/bundle.mjs'

const BUILT = fileURLToPath(new URL('../../packages/spindle/', import.meta.url))
const BARE = fileURLToPath(new URL('../.cache/observe/', import.meta.url))

/** The change of each module: a piece of its text that must occur once, and its replacement. */
const CHANGES = {
  'engine/stats/task-timer.ts': [
    ['return (count & this.mask) === 0', 'return false'],
    ['const tookMs = coarseNow() - askedAt', 'return\n    const tookMs = 0'],
  ],
  'engine/flow/clock.ts': [['if (!isFresh) {', 'if (false) {']],
  'engine/flow/integral.ts': [['if (level === this.level)', 'if (true)']],
  'engine/consume/sink-reader.ts': [['if (--this.unlooked >= 0)', 'if (true)']],
  'engine/flow/current-call.ts': [
    ['words[0] = word\n', '\n'],
    ['words[0] = word | OUTSIDE', ''],
  ],
}

/** Entry points of the package as it is built, and of the copy, which is made anew. */
export async function makeBareBuild() {
  if (!existsSync(`${BUILT}dist/index.js`)) throw new Error('build first: npm run build')
  rmSync(BARE, { recursive: true, force: true })
  mkdirSync(BARE, { recursive: true })
  cpSync(`${BUILT}src`, `${BARE}src`, { recursive: true })
  cpSync(`${BUILT}package.json`, `${BARE}package.json`)
  for (const [file, changes] of Object.entries(CHANGES)) {
    const path = `${BARE}src/${file}`
    let text = readFileSync(path, 'utf8')
    for (const [from, to] of changes) {
      if (text.split(from).length !== 2)
        throw new Error(`${file} has changed: it must have ${from} once`)
      text = text.replace(from, to)
    }
    writeFileSync(path, text)
  }
  await bundlePackage(BARE)
  return { built: `${BUILT}dist/index.js`, bare: `${BARE}dist/index.js` }
}
