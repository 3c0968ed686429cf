// The types as a product: packages/*/test-d.
//   node scripts/check-types.mjs
// 1. test-d/*.ts, which import the packages by name, compile against the built declarations as a
//    consumer's code does, with TypeScript 6 (TypeScript 7 compiles them against the sources:
//    `npm run types`). Expects `npm run build`.
// 2. test-d/messages/*.ts do not compile, and the compiler says what is wrong in the words after
//    `// expect-message:`. Every diagnostic must contain one of its file's expected texts: a
//    cascade of others would bury the one that helps.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Checks, root, run, TSC_7, tsc6 } from './tools.mjs'

// A consequence of a call that does not fit: the parameters of its callbacks get no type. This
// hides nothing.
const BY_PRODUCT = /^error TS7006: Parameter '\w+' implicitly has an 'any' type/

const checks = new Checks()
for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name, 'test-d')
  if (typeScriptFilesIn(folder).length > 0) checkConsumer(`packages/${name}/test-d`, folder)
  if (typeScriptFilesIn(join(folder, 'messages')).length > 0)
    checkMessages(join(folder, 'messages'))
}
checks.finish()

function typeScriptFilesIn(folder) {
  return existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : []
}

function checkConsumer(label, folder) {
  const upward = typeScriptFilesIn(folder).filter((file) =>
    /from '\.\.\//.test(readFileSync(join(folder, file), 'utf8')),
  )
  checks.add(`${label} imports the packages by name`, upward.join(' '))
  const config = join(folder, 'tsconfig.consumer.json')
  checks.run(`${label} compiles with TypeScript 6`, process.execPath, [tsc6(), '-p', config])
}

function checkMessages(folder) {
  const files = typeScriptFilesIn(folder)
  for (const [version, tsc] of [
    [7, TSC_7],
    [6, tsc6()],
  ]) {
    const { output } = run(process.execPath, [tsc, '-p', folder, '--pretty', 'false'])
    // A diagnostic is a line with a position, and the indented lines below it.
    const diagnostics = output.split(/\n(?=\S)/).map((text) => ({
      path: text.slice(0, text.indexOf('(')),
      message: text.slice(text.indexOf(': error') + 2),
    }))
    for (const file of files) {
      const path = relative(root, join(folder, file))
      const expected = [
        ...readFileSync(join(folder, file), 'utf8').matchAll(/\/\/ expect-message: (.+)/g),
      ].map((match) => match[1].trim())
      const own = diagnostics
        .filter((diagnostic) => diagnostic.path === path)
        .map(({ message }) => message)
      const missing = expected.filter((text) => !own.some((message) => message.includes(text)))
      const others = own.filter(
        (message) => !BY_PRODUCT.test(message) && !expected.some((text) => message.includes(text)),
      )
      const problems = [
        ...missing.map((text) => `not said: ${text}`),
        ...others.map((text) => `said instead: ${text}`),
      ]
      if (expected.length === 0) problems.push('no `// expect-message:` in it')
      checks.add(`TypeScript ${version} explains ${path}`, problems.join('\n'))
    }
  }
}
