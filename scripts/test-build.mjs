// Compiles sources and tests to JavaScript for the test runner, in two seconds, into a mirror of
// the repository:
//   .cache/test-build/packages/*/test, compiled, and packages/*/dist, bundled, with source maps
//   that lead back to the TypeScript
// The suite starts more than a thousand threads and processes, and one that loads TypeScript
// through tsx takes 0.3 s of CPU time for that. Besides, what is tested then is what users get: a
// bundle. Modules of `src` that tests import are still there; they give what is in the bundle.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle, entriesOf } from './bundle.mjs'
import { LIBRARIES } from './packages.mjs'
import { root, TSC_7 } from './tools.mjs'

export const mirror = join(root, '.cache/test-build')
/** The module of the bundle that gives what tests import from `src`. */
const INNER = 'for-tests.ts'
/** What tests reach by a path from the root, besides the packages and the examples. */
const LINKED = ['docs', 'benchmarks', 'recipes', 'scripts', 'README.md']

/** Where a TypeScript file, relative to the root, is in the mirror: also relative to the root. */
export function compiled(file) {
  return relative(root, join(mirror, compiledName(file)))
}

/**
 * Brings the mirror up to date. Throws if the sources are no TypeScript; types are checked by
 * `npm run types`.
 */
export async function buildTests() {
  const packages = LIBRARIES.map(({ folder }) => folder)
  for (const folder of packages) writeManifest(folder)
  for (const folder of [
    ...packages.flatMap((one) => [join(one, 'src'), join(one, 'test')]),
    'examples',
  ]) {
    const files = filesOf(folder)
    for (const file of files) link(file)
    removeStale(folder, new Set(files))
  }
  for (const name of LINKED) link(name)
  writeIfOther(join(mirror, 'package.json'), '{ "private": true, "type": "module" }\n')
  compile()
  for (const folder of packages) await bundleMirror(folder)
  for (const folder of packages) await leadToBundle(folder)
  for (const folder of packages) filesOf(join(folder, 'test')).forEach(leadToCompiled)
}

function compiledName(file) {
  return file.replace(/\.ts$/, '.js')
}

function compile() {
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noCheck: true,
      noResolve: true,
      preserveSymlinks: true,
      incremental: true,
      tsBuildInfoFile: 'tsconfig.tsbuildinfo',
      rootDir: '.',
    },
    include: ['packages/*/test', 'examples'],
    exclude: ['**/node_modules'],
  }
  writeIfOther(join(mirror, 'tsconfig.json'), `${JSON.stringify(config, undefined, 2)}\n`)
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [TSC_7, '-p', mirror], {
    encoding: 'utf8',
    cwd: root,
  })
  if (status !== 0) throw new Error(`the tests do not compile:\n${stdout}${stderr}${error ?? ''}`)
}

/**
 * Bundles the links to the sources, so that source maps lead to neighbours: the package's own
 * files, as the engine sees it. What tests import from `src` becomes part of the bundle.
 */
async function bundleMirror(folder) {
  const src = join(mirror, folder, 'src')
  const lines = innerModules(folder).map(
    (file, index) => `export * as m${index} from './${file}'\n`,
  )
  writeIfOther(join(src, INNER), lines.join(''))
  const entries = [...entriesOf(join(root, folder)), INNER]
  // Node would read the maps of the bundle in each of the thousand threads and processes: a quarter
  // of all CPU time. The runner maps the stacks that it shows (`mapped-stacks.mjs`).
  await bundle(src, join(mirror, folder, 'dist'), entries, 'hidden')
}

/**
 * In the place of modules of `src` that tests import there are some that give what is in the
 * bundle.
 */
async function leadToBundle(folder) {
  const src = join(mirror, folder, 'src')
  const written = new Set()
  const write = (file, text) => {
    written.add(join(folder, 'src', compiledName(file)))
    writeIfOther(join(src, compiledName(file)), text)
  }
  const bundled = (file, module) =>
    `${'../'.repeat(file.split('/').length)}dist/${compiledName(module)}`
  for (const file of entriesOf(join(root, folder)))
    write(file, `export * from '${bundled(file, file)}'\n`)
  const { href } = pathToFileURL(join(mirror, folder, 'dist', compiledName(INNER)))
  const modules = await import(`${href}?${Date.now()}`)
  for (const [index, file] of innerModules(folder).entries()) {
    const names = Object.keys(modules[`m${index}`]).join(', ')
    write(
      file,
      `import { m${index} } from '${bundled(file, INNER)}'\nexport const { ${names} } = m${index}\n`,
    )
  }
  for (const file of filesOf(join(folder, 'src'), mirror))
    if (!file.endsWith('.ts') && !written.has(file)) rmSync(join(mirror, file))
}

/** The modules of a package's sources that tests import, by their paths below `src`. */
function innerModules(folder) {
  const found = filesOf(join(folder, 'test'))
    .filter((file) => /\.(?:ts|mjs)$/.test(file))
    .flatMap((file) => [
      ...readFileSync(join(root, file), 'utf8').matchAll(/'(?:\.\.\/)+src\/([\w./-]+\.ts)'/g),
    ])
    .map(([, path]) => path)
  const entries = entriesOf(join(root, folder))
  return [...new Set(found)]
    .sort()
    .filter((file) => !entries.includes(file) && existsSync(join(root, folder, 'src', file)))
}

/**
 * The compiler turns `import './ops.ts'` into `'./ops.js'`; here other texts follow, as in
 * `import.meta.resolve('./ops.ts')`, where there is such a file. Of the same length, so that source
 * maps stay right.
 */
function leadToCompiled(file) {
  if (!/\.(?:ts|mjs)$/.test(file)) return
  const code = join(mirror, compiledName(file))
  const text = readFileSync(file.endsWith('.mjs') ? join(root, file) : code, 'utf8')
  const led = text.replaceAll(/(['"`])((?:\.{1,2}\/)?[\w./-]+)\.ts\1/g, (whole, quote, path) =>
    existsSync(join(dirname(code), `${path}.js`)) ? `${quote}${path}.js${quote}` : whole,
  )
  writeIfOther(code, led)
}

/** A package's exports lead to the bundle there, and node_modules to the package. */
function writeManifest(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const targets = Object.entries(manifest.exports).map(([key, target]) => [
    key,
    typeof target === 'string' ? target : target.default,
  ])
  const own = { name: manifest.name, version: manifest.version, type: 'module', sideEffects: false }
  const text = JSON.stringify({ ...own, exports: Object.fromEntries(targets) }, undefined, 2)
  writeIfOther(join(mirror, folder, 'package.json'), `${text}\n`)
  const entry = join(mirror, 'node_modules', manifest.name)
  linkTo(entry, relative(dirname(entry), join(mirror, folder)))
}

/** The files of a folder, by their paths from the root. */
function filesOf(folder, from = root) {
  if (!existsSync(join(from, folder))) return []
  return readdirSync(join(from, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(from, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => !file.split(sep).includes('node_modules'))
}

/** Modules that are JavaScript already are written by {@link leadToCompiled}. */
function link(file) {
  if (file.startsWith('packages/') && file.endsWith('.mjs')) return
  const entry = join(mirror, file)
  linkTo(entry, relative(dirname(entry), join(root, file)))
}

/** What there is no source for any more goes. */
function removeStale(folder, files) {
  for (const file of filesOf(folder, mirror)) {
    const source = file.replace(/\.map$/, '').replace(/\.js$/, '.ts')
    if (!files.has(file) && !files.has(source) && !file.endsWith(INNER)) rmSync(join(mirror, file))
  }
}

function linkTo(entry, target) {
  const found = lstatSync(entry, { throwIfNoEntry: false })
  if (found?.isSymbolicLink() && readlinkSync(entry) === target) return
  if (found !== undefined) rmSync(entry, { recursive: true })
  mkdirSync(dirname(entry), { recursive: true })
  try {
    symlinkSync(target, entry)
  } catch (error) {
    if (error.code !== 'EPERM') throw error // Windows wants a privilege for links
    cpSync(join(dirname(entry), target), entry, { recursive: true })
  }
}

function writeIfOther(file, text) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(dirname(file), { recursive: true })
  // Not through a link, which would change the source.
  rmSync(file, { force: true })
  writeFileSync(file, text)
}
