// Compiles sources and tests to JavaScript for the test runner, in about a second, into a mirror of the repository:
//   .cache/test-build/packages/*/{src,test}, with source maps that lead back to the TypeScript
// A process that loads TypeScript through tsx starts in 0.3 s and a worker thread in another 0.3 s of CPU time; from
// JavaScript a worker takes a quarter of that, and the suite starts more than a thousand of them. Besides, what is
// tested then is what users get: JavaScript.
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
import { root, TSC_7 } from './tools.mjs'

export const mirror = join(root, '.cache/test-build')
/** What tests reach by a path from the root, besides the packages and the examples. */
const LINKED = ['docs', 'benchmarks', 'recipes', 'scripts', 'README.md']

/** Where a TypeScript file, relative to the root, is in the mirror: also relative to the root. */
export function compiled(file) {
  return relative(root, join(mirror, compiledName(file)))
}

/** Brings the mirror up to date. Throws if the sources are no TypeScript; types are checked by `npm run types`. */
export function buildTests() {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name))
  for (const folder of packages) writeManifest(folder)
  for (const folder of [...packages.flatMap((one) => [join(one, 'src'), join(one, 'test')]), 'examples']) {
    const files = filesOf(folder)
    for (const file of files) link(file)
    removeStale(folder, new Set(files))
  }
  for (const name of LINKED) link(name)
  writeIfOther(join(mirror, 'package.json'), '{ "private": true, "type": "module" }\n')
  compile()
  for (const folder of packages) filesOf(join(folder, 'test')).forEach(leadToCompiled)
}

function compiledName(file) {
  return file.replace(/\.ts$/, '.js')
}

/** The links are what is compiled, so that source maps lead to neighbours: the package's own files, as the engine sees it. */
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
    include: ['packages/*/src', 'packages/*/test', 'examples'],
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
 * The compiler turns `import './ops.ts'` into `'./ops.js'`; here other texts follow, as in `import.meta.resolve('./ops.ts')`, where there
 * is such a file. Of the same length, so that source maps stay right.
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

/** A package's exports lead to the compiled sources there, and node_modules to the package. */
function writeManifest(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const sources = Object.entries(manifest.exports).map(([key, target]) => [
    key,
    typeof target === 'string' ? target : target['@spindle/source'].replace(/\.ts$/, '.js'),
  ])
  const own = { name: manifest.name, version: manifest.version, type: 'module', sideEffects: false }
  const text = JSON.stringify({ ...own, exports: Object.fromEntries(sources) }, undefined, 2)
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
    if (!files.has(file) && !files.has(source)) rmSync(join(mirror, file))
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
