// The first hour of a new user, with the packages as they are published, outside the repository:
// the steps of docs/getting-started.md in an empty folder, and each template of create-spindle.
//   node scripts/first-hour.mjs [guide] [embed] [shards] [media]      default: all
// Expects that `npm run build` was done. Ends with "N passed, N failed".
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pack } from './tarballs.mjs'
import { tryTemplates } from './templates-test.mjs'
import { Checks, root, run } from './tools.mjs'

const wanted = process.argv.slice(2)
const checks = new Checks()
const place = mkdtempSync(join(tmpdir(), 'spindle-first-hour-'))
process.on('exit', () => rmSync(place, { recursive: true, force: true }))

const tarballs = pack(join(place, 'tarballs'))
if (wanted.length === 0 || wanted.includes('guide')) follow('docs/getting-started.md')
await tryTemplates({ checks, place, tarballs, wanted })
checks.finish()

/** Does what a page says: writes its files, runs its commands, compares what they print. */
function follow(page) {
  const folder = join(place, 'guide')
  mkdirSync(folder)
  let output = ''
  for (const { info, text, line } of blocksOf(readFileSync(join(root, page), 'utf8'))) {
    const [language, name] = info.split(' ')
    if (language === 'sh' && name === 'run') {
      output = ''
      for (const command of text.trim().split('\n')) {
        const result = run('sh', ['-c', withTarballs(command)], { cwd: folder, timeout: 300_000 })
        output += `${result.output}\n`
        checks.add(`${page}:${line}: ${command}`, result.isOk ? '' : result.output || 'it failed')
        if (!result.isOk) return
      }
    } else if (name === 'prints') {
      const missing = text
        .trim()
        .split('\n')
        .filter((wantedLine) => !output.includes(wantedLine))
      const problem = `not printed: ${missing.join('\n')}\nbut:\n${output}`
      checks.add(`${page}:${line}: what that prints`, missing.length === 0 ? '' : problem)
    } else if (name !== undefined) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
  }
}

/** The packages come from their tarballs, everything else from the registry. */
function withTarballs(command) {
  if (!command.startsWith('npm install')) return command
  const words = command.split(' ').map((word) => tarballs.get(word) ?? word)
  return [...words, '--no-audit', '--no-fund', '--prefer-offline'].join(' ')
}

function blocksOf(markdown) {
  return [...markdown.matchAll(/^```(.+)\n([\s\S]*?)^```/gm)].map((match) => ({
    info: match[1].trim(),
    text: match[2],
    line: markdown.slice(0, match.index).split('\n').length,
  }))
}
