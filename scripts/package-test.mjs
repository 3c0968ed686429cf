// Packs both packages, installs them into an empty project outside the repository, and uses them
// there as a user does.
//   node scripts/package-test.mjs [20 24 …]      the Node versions to run them on; default: the running one
// Expects that `npm run build` was done.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { nodeBinary } from './node-versions.mjs'
import { LIBRARIES } from './packages.mjs'
import { attw, Checks, publint, root, run, TSC_7, tsc6 } from './tools.mjs'

const PACKAGES = LIBRARIES.map(({ folder }) => folder)
const nodes =
  process.argv.slice(2).length > 0 ? process.argv.slice(2).map(nodeBinary) : [process.execPath]
const checks = new Checks()
// In the system's temporary folder: no node_modules above it can help out.
const project = mkdtempSync(join(tmpdir(), 'spindle-package-test-'))
process.on('exit', () => rmSync(project, { recursive: true, force: true }))

for (const name of PACKAGES)
  must('pack', 'npm', ['pack', '--pack-destination', project], { cwd: join(root, name) })
const tarballs = readdirSync(project).filter((name) => name.endsWith('.tgz'))
for (const tarball of tarballs) {
  checks.run(`publint ${tarball}`, process.execPath, [
    publint(),
    'run',
    '--strict',
    join(project, tarball),
  ])
  // 'esm-only' leaves out require() from old CommonJS: Node >= 20.19 loads ES modules by require().
  const flags = ['--profile', 'esm-only', '--no-definitely-typed', '--no-color', '--no-emoji']
  checks.run(`are the types wrong ${tarball}`, process.execPath, [
    attw(),
    join(project, tarball),
    ...flags,
  ])
}

writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
const install = [
  'install',
  '--ignore-scripts',
  '--no-package-lock',
  '--no-audit',
  '--no-fund',
  '--prefer-offline',
]
const types = `@types/node@${readJson(join(root, 'node_modules/@types/node/package.json')).version}`
must('install', 'npm', [...install, ...tarballs.map((name) => `./${name}`), types], {
  cwd: project,
})
cpSync(join(root, 'scripts/consumer'), project, { recursive: true })

const extra = readdirSync(join(project, 'node_modules')).filter(
  (name) => !/^(\.|spindle$|@spindle$|@types$|undici-types$)/.test(name),
)
checks.add(
  'installs without optional peers',
  extra.length > 0 ? `also installed: ${extra.join(' ')}` : '',
)
for (const [version, tsc] of [
  [7, TSC_7],
  [6, tsc6()],
]) {
  checks.run(`a consumer compiles with TypeScript ${version}`, process.execPath, [
    tsc,
    '-p',
    project,
  ])
}
for (const node of nodes) {
  const label = run(node, ['--version']).output
  for (const specifier of entryPoints()) {
    const attributes = specifier.endsWith('.json') ? ", { with: { type: 'json' } }" : ''
    checkNode(`import('${specifier}')`, [
      '--input-type=module',
      '--eval',
      `await import('${specifier}'${attributes})`,
    ])
    checkNode(`require('${specifier}')`, [
      '--input-type=commonjs',
      '--eval',
      `require('${specifier}')`,
    ])
  }
  checkNode('a small pipeline', ['run.mjs'])
  checkNode('places where source maps are on', ['--enable-source-maps', 'places.mjs'])
  checkNode('a CommonJS user', ['require.cjs'])
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  checks.run(`${label}: npx spindle --help`, 'npx', ['--no-install', 'spindle', '--help'], {
    cwd: project,
    env,
  })

  function checkNode(name, args) {
    const { isOk, output } = run(node, args, { cwd: project, timeout: 30_000 })
    // Nothing is printed on import or in a quiet pipeline; Node's own warning about require() of ES
    // modules is not ours.
    const printed = output
      .replaceAll(/^\(node:\d+\) ExperimentalWarning: .*$|^\(Use `node --trace.*$/gm, '')
      .trim()
    checks.add(
      `${label}: ${name}`,
      isOk ? printed && `printed: ${printed}` : output || 'it failed and printed nothing',
    )
  }
}
// The permissive set-up: `sharp` is the only optional peer.
const sharp = readJson(join(root, 'node_modules/sharp/package.json')).version
if (checks.run('install sharp', 'npm', [...install, `sharp@${sharp}`], { cwd: project }))
  checks.run('with sharp only', process.execPath, ['sharp-only.mjs'], { cwd: project })
checks.finish()

/** Every key of every "exports" map. */
function entryPoints() {
  return PACKAGES.flatMap((name) => {
    const manifest = readJson(join(root, name, 'package.json'))
    return Object.keys(manifest.exports).map((key) => manifest.name + key.slice(1))
  })
}

function must(name, program, args, options) {
  if (checks.run(name, program, args, options)) return
  checks.finish()
  process.exit(1)
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
