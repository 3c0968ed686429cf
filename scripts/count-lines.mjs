// Counts the lines of source: packages/*/src/**/*.ts without blank lines and lines of comments.
//   node scripts/count-lines.mjs [commit …]   of commits too, with the difference to the working tree
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const SOURCE = /^packages\/[^/]+\/src\/.*\.ts$/

const now = count(listed('ls-files', '--cached', '--others', '--exclude-standard'), (file) =>
  existsSync(`${root}/${file}`) ? readFileSync(`${root}/${file}`, 'utf8') : '',
)
print('now', now, now)
for (const commit of process.argv.slice(2)) {
  const files = listed('ls-tree', '-r', '--name-only', commit)
  print(
    commit,
    count(files, (file) => git('show', `${commit}:${file}`)),
    now,
  )
}

function print(name, { files, lines }, compared) {
  const more = compared.lines - lines
  console.log(
    `${name}: ${lines} lines in ${files} files${more === 0 ? '' : `, now ${more > 0 ? '+' : ''}${more}`}`,
  )
}

function count(names, read) {
  let [files, lines] = [0, 0]
  for (const name of new Set(names)) {
    const text = read(name)
    if (text === '') continue
    files++
    lines += linesOfCode(text)
  }
  return { files, lines }
}

function linesOfCode(text) {
  let [lines, isComment] = [0, false]
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (isComment) isComment = !line.includes('*/')
    else if (line.startsWith('/*')) isComment = !line.includes('*/')
    else if (line !== '' && !line.startsWith('//')) lines++
  }
  return lines
}

function listed(...args) {
  return git(...args)
    .split('\n')
    .filter((file) => SOURCE.test(file))
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 })
}
