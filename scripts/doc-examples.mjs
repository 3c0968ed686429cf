// Compiles and runs the examples in the documentation: fenced blocks tagged `ts run` in Markdown
// and in docstrings.
//   node scripts/doc-examples.mjs [part of a file name …]
// An example is copied to .cache/doc-examples on the same line numbers that it has at home, so that
// the compiler's and the stack's lines are right; 'spindle' resolves there to the sources. It fails
// by throwing.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { Checks, root, run, TSC_7 } from './tools.mjs'

const execute = promisify(execFile)
const TIME_LIMIT_MS = 30_000
const folder = join(root, '.cache/doc-examples')
const wanted = process.argv.slice(2)

const examples = [
  ...[
    'README.md',
    ...['docs', 'site/pages', 'skills', 'packages'].flatMap((folder) => list(folder, '.md')),
  ].flatMap(examplesInMarkdown),
  ...list('packages', '.ts')
    .filter((file) => /^packages\/\w+\/src\//.test(file))
    .flatMap(examplesInSource),
].filter(({ file }) => wanted.length === 0 || wanted.some((part) => file.includes(part)))

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const example of examples) {
  example.copy = join(folder, `${example.file.replaceAll('/', '--')}.${example.line}.ts`)
  writeFileSync(example.copy, '\n'.repeat(example.line) + example.code)
}

const checks = new Checks()
const typeErrors = compile()
// As many at a time as there are cores; told in their order.
const problems = examples.map(() => withResolvers())
let next = 0
const lane = async () => {
  while (next < examples.length) {
    const at = next++
    const { copy } = examples[at]
    problems[at].resolve(typeErrors.get(copy) ?? (await problemRunning(copy)))
  }
}
const lanes = Array.from({ length: availableParallelism() }, lane)
for (const [at, { file, line }] of examples.entries()) {
  const problem = await problems[at].promise
  checks.add(`${file}:${line}`, problem.replaceAll(/\S*\.cache\/doc-examples\//g, ''))
}
await Promise.all(lanes)
checks.finish()

function withResolvers() {
  let resolve
  const promise = new Promise((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

function list(where, ending) {
  if (!existsSync(join(root, where))) return []
  const names = readdirSync(join(root, where), { recursive: true }).map((name) => join(where, name))
  return names
    .filter((name) => name.endsWith(ending) && !/(^|\/)(node_modules|dist)\//.test(name))
    .sort()
}

function examplesInMarkdown(file) {
  if (!existsSync(join(root, file))) return []
  return examplesIn(file, readFileSync(join(root, file), 'utf8'))
}

/**
 * Docstrings are Markdown once the leading stars are gone; the other lines are emptied to keep the
 * numbers.
 */
function examplesInSource(file) {
  let isInDocstring = false
  const lines = readFileSync(join(root, file), 'utf8')
    .split('\n')
    .map((line) => {
      if (/^\s*\/\*\*/.test(line)) isInDocstring = true
      const text = isInDocstring ? line.replace(/^\s*(?:\/\*\*|\*(?!\/)) ?/, '') : ''
      if (line.includes('*/')) isInDocstring = false
      return text
    })
  return examplesIn(file, lines.join('\n'))
}

/** `line` is that of the opening fence. */
function examplesIn(file, markdown) {
  return [...markdown.matchAll(/^( *)```ts run *\n([\s\S]*?)^ *```/gm)].map((match) => ({
    file,
    line: markdown.slice(0, match.index).split('\n').length,
    code: match[2].replaceAll(new RegExp(`^${match[1]}`, 'gm'), ''),
  }))
}

/** One compiler run over all of them: the first error of each. */
function compile() {
  const errors = new Map()
  if (examples.length === 0) return errors
  const config = { extends: '../../tsconfig.check.json', include: ['./*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { output } = run(process.execPath, [TSC_7, '-p', folder, '--pretty', 'false'])
  for (const line of output.split('\n')) {
    const copy = join(root, line.slice(0, line.indexOf('(')))
    if (/^\S+\(\d+,\d+\): error/.test(line) && !errors.has(copy)) errors.set(copy, line)
  }
  return errors
}

async function problemRunning(copy) {
  const args = ['--conditions=@spindle/source', '--import=tsx', relative(root, copy)]
  const options = { cwd: root, timeout: TIME_LIMIT_MS, killSignal: 'SIGKILL' }
  try {
    await execute(process.execPath, args, options)
    return ''
  } catch ({ message, stdout, stderr }) {
    return `${stdout ?? ''}${stderr ?? ''}`.trim() || message
  }
}
