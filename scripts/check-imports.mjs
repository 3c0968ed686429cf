// Keeps the house in order: which part may import which (docs/architecture.md), and the form of a
// source file.
//   node scripts/check-imports.mjs [root of the workspace]
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

// Folder of a package's src -> the folders it may import, besides itself. 'root' are the files that
// lie in src itself.
// spindle: arrows only point down: cli -> loader, observe -> builder -> workers -> engine. What
// listens (guard, observe, tuning) is not known to the engine.
const SPINDLE = {
  root: [],
  options: ['root'],
  machine: ['root', 'options'],
  // The tuner itself: samples in, changes out.
  tune: [],
  engine: ['root', 'options', 'machine', 'tune'],
  workers: ['root', 'options', 'engine'],
  tuning: ['root', 'options', 'engine', 'tune', 'workers'],
  source: ['root', 'options', 'engine'],
  guard: ['root', 'options', 'engine', 'workers'],
  builder: ['root', 'options', 'engine', 'workers', 'guard', 'tuning'],
  observe: ['root', 'options', 'machine', 'engine', 'workers', 'builder'],
  checkpoint: ['root', 'options'],
  sinks: ['root', 'options', 'engine', 'source'],
  interop: ['root', 'options', 'engine', 'builder'],
  loader: ['root', 'options', 'engine', 'workers', 'builder', 'observe', 'source', 'interop'],
  cli: [
    'root',
    'options',
    'engine',
    'workers',
    'builder',
    'observe',
    'source',
    'interop',
    'loader',
  ],
}
// @spindle/io: api -> video -> audio, image -> ffmpeg -> formats. `chain` is FFmpeg's chain of
// @spindle/io/media. Only `api` knows threads and what is asynchronous of a decoder.
const IO = {
  root: [],
  base: ['root'],
  files: ['root', 'base'],
  formats: ['root', 'base', 'files'],
  ffmpeg: ['root', 'base', 'files', 'formats'],
  'streaming-input': ['root', 'base', 'files', 'formats', 'ffmpeg'],
  chain: ['root', 'base', 'files', 'ffmpeg'],
  image: ['root', 'base', 'files', 'ffmpeg'],
  audio: ['root', 'base', 'files', 'formats', 'ffmpeg'],
  video: ['root', 'base', 'files', 'formats', 'ffmpeg', 'image', 'audio'],
  sinks: ['root', 'base', 'files', 'formats'],
  api: [
    ...['root', 'base', 'files', 'formats', 'ffmpeg', 'streaming-input'],
    ...['chain', 'image', 'audio', 'video'],
  ],
}
// @spindle/cluster: cli -> worker -> job; every ledger stands on the contract.
const LEDGERS = ['root', 'contract', 'entries', 'store']
const CLUSTER = {
  root: [],
  contract: ['root'],
  entries: ['root', 'contract'],
  store: ['root', 'contract', 'entries'],
  engines: LEDGERS,
  redis: ['root', 'entries', 'engines'],
  postgres: ['root', 'entries', 'engines'],
  nats: [...LEDGERS, 'engines'],
  bullmq: [...LEDGERS, 'engines', 'postgres'],
  open: [...LEDGERS, 'engines', 'redis', 'postgres', 'nats', 'bullmq'],
  job: ['root', 'contract'],
  worker: ['root', 'contract', 'open', 'job'],
  status: ['root', 'contract', 'open'],
  cli: ['root', 'contract', 'open', 'job', 'worker', 'status'],
}
// @spindle/models: `session` runs in workers and knows nothing of the main side.
const MODELS = {
  root: [],
  base: ['root'],
  session: ['root', 'base'],
  stage: ['root', 'base', 'session'],
  preprocess: ['root', 'base'],
}
const MAY_IMPORT = { spindle: SPINDLE, io: IO, cluster: CLUSTER, models: MODELS }
// What people import: these files re-export from every folder.
const FRONT_DOORS = {
  spindle: ['index.ts'],
  io: ['index.ts', 'sync.ts', 'media.ts'],
  cluster: ['index.ts', 'command.ts'],
  models: ['index.ts'],
}
// The rooms of a folder -> the rooms it may import. '' are the files that lie in the folder itself;
// every room may import them.
const SPINDLE_ROOMS = {
  engine: {
    '': ['stats'],
    flow: [],
    stats: ['flow'],
    hooks: ['flow'],
    progress: ['flow'],
    stages: ['flow', 'stats', 'hooks', 'progress'],
    routing: ['flow', 'stats', 'stages'],
    consume: ['flow', 'stats', 'progress'],
    report: ['flow', 'stats', 'hooks', 'stages'],
    run: ['flow', 'stats', 'hooks', 'progress', 'stages', 'routing', 'consume', 'report'],
  },
  workers: {
    '': ['transport', 'calls', 'regions', 'supervise'],
    transport: [],
    memory: ['transport'],
    supervise: [],
    calls: ['transport', 'memory', 'supervise'],
    regions: ['transport', 'memory', 'supervise', 'calls'],
    pipelines: ['transport', 'memory', 'supervise', 'calls'],
  },
}
const ROOMS = { spindle: SPINDLE_ROOMS, io: {}, cluster: {}, models: {} }
// 'from file -> to file' (below packages/spindle/src): why it may break the table. None is the aim.
const EXCEPTIONS = {}

// Clocks and timers that tests mock: timers.ts takes them once, when it is loaded. Biome refuses
// the global functions.
const MOCKED =
  /(?<![\w.])(?:performance\.now|process\.nextTick|Date\.now|AbortSignal\.timeout)\(|from 'node:timers/

const MAX_LINES = 400
const WARN_LINES = 250

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
const problems = []
const warnings = []
let fileCount = 0
for (const name of readdirSync(join(root, 'packages')))
  if (existsSync(join(root, 'packages', name, 'src'))) checkPackage(name)
for (const line of warnings) console.log(`warning: ${line}`)
for (const line of problems) console.error(line)
console.log(`check-imports: ${fileCount} files, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0

function checkPackage(name) {
  const source = join(root, 'packages', name, 'src')
  const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  const files = readdirSync(source, { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .sort()
  const graph = new Map()
  for (const file of files) {
    const text = readFileSync(join(source, file), 'utf8')
    const at = (line) => `${relative(root, join(source, file))}${line ? `:${line}` : ''}`
    checkForm(file, text, at)
    const targets = []
    for (const { specifier, line, isTypeOnly } of importsOf(text)) {
      if (!specifier.startsWith('.')) checkBare(specifier, manifest, at(line))
      else {
        const target = join(dirname(file), specifier)
        if (!files.includes(target))
          problems.push(
            `${at(line)}: no such source file: '${specifier}' (relative imports end in .ts and stay in src)`,
          )
        else targets.push({ target, isTypeOnly })
        checkDirection(name, file, target, at(line))
      }
    }
    graph.set(file, targets)
  }
  if (name === 'spindle') checkNames(files)
  fileCount += files.length
  // The tables keep cycles out of the relations of parts. Between files a cycle may break the order
  // in which modules start, and classes that know each other can only be read together: so none is
  // allowed, not even of types.
  for (const { cycle, isTypeOnly } of cyclesIn(graph)) {
    const where = `packages/${name}/src: cycle${isTypeOnly ? ' of types' : ''}: ${cycle.join(' -> ')}`
    problems.push(where)
  }
}

/** A file's name says alone which file it is: in an editor's tabs, in a stack, in a message. */
function checkNames(files) {
  const known = new Map()
  for (const file of files) {
    const base = basename(file)
    const other = known.get(base)
    if (base === 'index.ts') continue
    if (other === undefined) known.set(base, file)
    else problems.push(`packages/spindle/src/${file}: ${other} has the same file name`)
  }
}

/**
 * Static, re-exporting and literal dynamic imports. Anchored at the line's start: examples in
 * comments do not count.
 */
function importsOf(text) {
  const forms = [
    /^(?:import|export)\s(?:[\w$\s{},*]*?\sfrom\s+|\s*)['"](?<specifier>[^'"]+)['"]/gm,
    /^(?!\s*(?:\/\/|\*|\/\*)).*?\bimport\(\s*['"](?<specifier>[^'"]+)['"]/gm,
  ]
  return forms.flatMap((form) =>
    [...text.matchAll(form)].map((match) => ({
      specifier: match.groups.specifier,
      line: text.slice(0, match.index).split('\n').length,
      isTypeOnly: /^(import|export)\s+type\s/.test(match[0]),
    })),
  )
}

function checkBare(specifier, manifest, at) {
  if (specifier.startsWith('node:')) return
  const dependency = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  // spindle itself has no dependencies, only optional peers.
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
  if (!(dependency in declared))
    problems.push(`${at}: '${dependency}' is no dependency of ${manifest.name}`)
}

function checkDirection(name, file, target, at) {
  const [from, to] = [folderOf(file), folderOf(target)]
  // The package's front doors re-export every part; nobody in the house enters through them.
  const doors = FRONT_DOORS[name]
  if (doors.includes(target)) return problems.push(`${at}: imports the package's own ${target}`)
  if (doors.includes(file) || `${file} -> ${target}` in EXCEPTIONS) return
  if (from === to) return checkRoom(ROOMS[name][from], file, target, at)
  const allowed = MAY_IMPORT[name][from]
  if (allowed === undefined)
    problems.push(`${at}: folder '${from}' is not in the table of scripts/check-imports.mjs`)
  else if (!allowed.includes(to))
    problems.push(
      `${at}: '${from}' may not import '${to}' (${target}), only ${allowed.join(', ') || 'nothing'}`,
    )
}

function checkRoom(rooms, file, target, at) {
  if (rooms === undefined) return
  const folder = folderOf(file)
  const [from, to] = [roomOf(file), roomOf(target)]
  if (from === to || (to === '' && from !== '')) return
  if (rooms[from] === undefined)
    problems.push(
      `${at}: room '${folder}/${from}' is not in the table of scripts/check-imports.mjs`,
    )
  else if (!rooms[from].includes(to))
    problems.push(`${at}: '${folder}/${from}' may not import '${folder}/${to}' (${target})`)
}

function roomOf(file) {
  const parts = file.split('/')
  return parts.length > 2 ? parts[1] : ''
}

function folderOf(file) {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : 'root'
}

function checkForm(file, text, at) {
  const lines = text.trimEnd().split('\n')
  // Comments do not count: nobody is to write fewer of them.
  const count = lines.filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line)).length
  if (count > MAX_LINES) problems.push(`${at()}: ${count} lines, at most ${MAX_LINES}: split it`)
  else if (count > WARN_LINES) warnings.push(`${at()}: ${count} lines`)
  lines.forEach((line, index) => {
    if (file !== 'timers.ts' && !/^\s*(?:\/\/|\*|\/\*)/.test(line) && MOCKED.test(line))
      problems.push(
        `${at(index + 1)}: clocks and timers come from timers.ts, which tests cannot mock`,
      )
    if (/^export\s+default\b/.test(line)) problems.push(`${at(index + 1)}: no default exports`)
    if (/^export\s+(?:type\s+)?\*/.test(line))
      problems.push(`${at(index + 1)}: no \`export *\`: export by name`)
    // It is no type that can be left out: Node 22 would not read the sources, as its workers do.
    if (/^\s*(await\s+)?using\s+\w+\s*=/.test(line))
      problems.push(`${at(index + 1)}: no \`using\` in sources: try and finally`)
  })
  if (!/(^|\/)index\.ts$/.test(file)) return
  const rest = text
    .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .replaceAll(/^export\s+(?:type\s+)?\{[^}]*\}\s+from\s+'[^']+';?$/gm, '')
  if (rest.trim() !== '')
    problems.push(
      `${at()}: an index.ts only re-exports, by name; found: ${rest.trim().split('\n')[0]}`,
    )
}

/**
 * Depth first; each cycle is told once. First those that exist at run time, then those of types.
 */
function cyclesIn(graph) {
  const cycles = new Map()
  for (const withTypes of [false, true]) {
    const done = new Set()
    const visit = (file, path) => {
      if (path.includes(file)) {
        const cycle = path.slice(path.indexOf(file))
        const key = cycle.toSorted().join()
        if (!cycles.has(key)) cycles.set(key, { cycle: [...cycle, file], isTypeOnly: withTypes })
      } else if (!done.has(file)) {
        for (const { target, isTypeOnly } of graph.get(file)) {
          if (withTypes || !isTypeOnly) visit(target, [...path, file])
        }
        done.add(file)
      }
    }
    for (const file of graph.keys()) visit(file, [])
  }
  return [...cycles.values()]
}
