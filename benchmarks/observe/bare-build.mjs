// A copy of the built package without what observes: no task is timed, no queue or slot is looked at with a clock, no call is marked for the loop guard. What
// it counts by adding one to a number stays: that is not to be told from nothing.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BUILT = fileURLToPath(new URL('../../packages/spindle/', import.meta.url))
const BARE = fileURLToPath(new URL('../.cache/observe/', import.meta.url))

/** What becomes of each module: a piece of its text that must be there once, and what it is replaced by. */
const CHANGES = {
  'engine/task-timer.js': [
    ['return (count & this.mask) === 0;', 'return false;'],
    ['const tookMs = coarseNow() - askedAt;', 'return;\n        const tookMs = 0;'],
  ],
  'engine/clock.js': [['if (!isFresh) {', 'if (false) {']],
  'engine/integral.js': [['if (level === this.level)', 'if (true)']],
  'engine/outlet.js': [['if (--this.unlooked >= 0)', 'if (true)']],
  'engine/marker.js': [
    ['words[0] = word;', ''],
    ['words[0] = word | OUTSIDE;', ''],
  ],
}

/** Entry points of the package as it is built, and of the copy, which is made anew. */
export function makeBareBuild() {
  if (!existsSync(`${BUILT}dist/index.js`)) throw new Error('build first: npm run build')
  rmSync(BARE, { recursive: true, force: true })
  mkdirSync(BARE, { recursive: true })
  cpSync(`${BUILT}dist`, `${BARE}dist`, { recursive: true })
  cpSync(`${BUILT}package.json`, `${BARE}package.json`)
  for (const [file, changes] of Object.entries(CHANGES)) {
    const path = `${BARE}dist/${file}`
    let text = readFileSync(path, 'utf8')
    for (const [from, to] of changes) {
      if (text.split(from).length !== 2) throw new Error(`${file} has changed: it must have ${from} once`)
      text = text.replace(from, to)
    }
    writeFileSync(path, text)
  }
  return { built: `${BUILT}dist/index.js`, bare: `${BARE}dist/index.js` }
}
