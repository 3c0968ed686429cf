// Compiles sources and tests (scripts/test-build.mjs), runs the test files with node:test, and ends
// with "N passed, N failed".
//   node scripts/test.mjs [options] [part of a file name …]
//     --long             slow laws with ten times as many cases, and matrices whole: for a night (--times 3: three times)
//     --quick            without the files that are laws, matrices and crashes in a loop: what a runtime may break is elsewhere
//     --sources          from TypeScript, through tsx, as a contributor may run a single test under a debugger
//     --browser          the suite that needs Chromium instead
//     --alone            each file in a process of its own; so are files that are named
//     --node 24          another Node (or --node /path/to/node); --jobs 3, --timeout-s 240, --verbose
// It starts each file itself rather than by `node --test`: Node 20 has no globs there, and Node 24
// and 26 wait for ever for a file whose test leaves a handle open, where here the file is killed at
// the time limit and named.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { mapStacks } from './mapped-stacks.mjs'
import { nodeBinary } from './node-versions.mjs'
import { buildTests, compiled, mirror } from './test-build.mjs'
import { root } from './tools.mjs'

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string', default: process.execPath },
    // Two more than there are cores, because many files wait for the death or the end of processes.
    jobs: { type: 'string', default: String(Math.min(8, availableParallelism() + 2)) },
    'timeout-s': { type: 'string' },
    verbose: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    times: { type: 'string' },
    quick: { type: 'boolean', default: false },
    sources: { type: 'boolean', default: false },
    browser: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
})
const node = /^\d+$/.test(options.node) ? nodeBinary(options.node) : options.node
const times = options.times ?? (options.long ? '10' : undefined)
const timeoutMs = Number(options['timeout-s'] ?? 240 * Math.max(1, Number(times ?? 1))) * 1000
const REPEATS = /(?:laws|matrix|soak|crash|kill|power-cut)\.test\.ts$/
/** The longest files come first, so that the run does not end with one of them alone. */
const LONGEST =
  /workers\/|progress\/|io\/test\/(?:stopping|lifetime|corpus|audio|video)|guard\/|leaks|ring-buffer/
/**
 * Signs that a test needs its own process: it inspects the process, changes global state, or starts
 * threads and processes.
 */
const OF_THE_PROCESS =
  /process\.(?!cwd|versions?\b|platform|arch|execPath|nextTick|hrtime)|mock\.|\bgc\b|[sS]pawn|runChild|workers\(|Pool\(|runPipelineIn|iterateIn|Worker\(|globalThis/
/** A larger group would finish last. */
const GROUP_SIZE = 8
/** More failures than that are no accident, and would take long. */
const MOST_TRIED_AGAIN = 3
const files = listTestFiles().filter(
  (file) =>
    (wanted.length === 0 || wanted.some((part) => file.includes(part))) &&
    !(options.quick && REPEATS.test(file)),
)
files.sort((a, b) => Number(LONGEST.test(b)) - Number(LONGEST.test(a)))
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ') || 'packages/*/test/**/*.test.ts'}`)
  process.exit(1)
}

if (!options.sources) await buildTests()
const env = times === undefined ? process.env : { ...process.env, SPINDLE_TEST_TIMES: times }
const total = { pass: 0, fail: 0, skipped: 0 }
const failedGroups = []
const running = new Set()
// The children lead process groups of their own, which Ctrl-C does not reach.
process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
process.on('exit', () => running.forEach(killGroup))

const queue =
  options.alone || options.sources || wanted.length > 0
    ? files.map((file) => [file])
    : grouped(files)
await Promise.all(
  Array.from({ length: Number(options.jobs) }, async () => {
    for (let group = queue.shift(); group !== undefined; group = queue.shift())
      report(await runGroup(group))
  }),
)
const unsteady = wanted.length === 0 ? await tryAgain() : []
if (unsteady.length > 0)
  console.log(`\nfailed beside other tests, passed alone: ${unsteady.join(' ')}`)
const failed = failedGroups.flatMap(({ group }) => group)
if (failed.length > 0) console.log(`\nfailed: ${failed.join(' ')}`)
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`${total.pass} passed, ${total.fail} failed${skipped}`)
process.exitCode = total.fail > 0 ? 1 : 0

function listTestFiles() {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name, 'test'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
    .filter((file) => file.endsWith(options.browser ? '.browser.ts' : '.test.ts'))
    .map((file) => relative(root, file))
    .sort()
}

/**
 * Groups neighbouring files in one process, because a process and its media threads take longer to
 * start than most files take to run. Files that inspect the process, start others or take long stay
 * alone.
 */
function grouped(all) {
  const groups = []
  const open = new Map()
  for (const file of all) {
    const isAlone =
      REPEATS.test(file) || OF_THE_PROCESS.test(readFileSync(join(root, file), 'utf8'))
    const folder = file.split('/').slice(0, 2).join('/')
    const group = isAlone ? undefined : open.get(folder)
    if (group !== undefined && group.length < GROUP_SIZE) group.push(file)
    else {
      const started = [file]
      groups.push(started)
      if (!isAlone) open.set(folder, started)
    }
  }
  return groups
}

/** The module that imports the files of a group, one after the other. */
function entryOf(group) {
  if (group.length === 1) return options.sources ? group[0] : join(root, compiled(group[0]))
  const entry = join(mirror, 'groups', `${group[0].replaceAll('/', '-')}.js`)
  mkdirSync(dirname(entry), { recursive: true })
  writeFileSync(
    entry,
    group.map((file) => `import ${JSON.stringify(join(root, compiled(file)))}\n`).join(''),
  )
  return entry
}

async function runGroup(group) {
  const startedAt = performance.now()
  const child = spawn(
    node,
    [
      ...(options.sources
        ? ['--conditions=@spindle/source', '--import=tsx']
        : ['--enable-source-maps']),
      '--expose-gc',
      // Shorter than the limit of the file, so that a test that hangs is named.
      `--test-timeout=${timeoutMs / 2}`,
      // One reporter, on the pipe: a second one with a file would show among the handles that the
      // tests of leaks count.
      '--test-reporter=spec',
      entryOf(group),
    ],
    {
      cwd: options.sources ? root : mirror,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text))
  let didTimeOut = false
  const timer = setTimeout(() => {
    didTimeOut = true
    killGroup(child)
  }, timeoutMs)
  const ending = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, signal) => {
      // Processes that the file left running are killed too, and close the pipes; then the rest of
      // the output arrives.
      killGroup(child)
      child.on('close', () => resolve(signal ?? code))
      setTimeout(resolve, 5000, signal ?? code).unref()
    })
  })
  clearTimeout(timer)
  running.delete(child)
  const counts = countsIn(output)
  if (didTimeOut)
    output += `\nkilled: did not end within ${timeoutMs / 1000} s (a test hangs or leaves a handle open)\n`
  else if (ending !== 0 && counts.fail === 0)
    output += `\nended with ${ending} although no test failed\n`
  if (ending !== 0 && counts.fail === 0) counts.fail = 1
  return { group, output, counts, seconds: (performance.now() - startedAt) / 1000 }
}

/** From the summary of the spec reporter ("ℹ pass 5"), which is the same in every Node. */
function countsIn(output) {
  const of = (name) => Number(output.match(new RegExp(`^ℹ ${name} (\\d+)$`, 'm'))?.[1] ?? 0)
  // A test that was cancelled (its file ended under it) did not pass; a file without a test is a
  // mistake.
  const counts = {
    pass: of('pass'),
    fail: of('fail') + of('cancelled'),
    skipped: of('skipped') + of('todo'),
  }
  if (counts.pass + counts.fail + counts.skipped === 0) counts.fail = 1
  return counts
}

/**
 * Runs the files of the few groups that failed once more, one at a time, and returns those that
 * pass: a busy machine can make a test late. They are named at the end, so that they get mended.
 */
async function tryAgain() {
  const groups = failedGroups.splice(0)
  if (groups.length > MOST_TRIED_AGAIN) failedGroups.push(...groups.splice(0))
  const passed = []
  for (const { group, counts } of groups) {
    console.log(`\nonce more, alone: ${group.join(' ')}`)
    for (const name of Object.keys(counts)) total[name] -= counts[name]
    for (const file of group) {
      const result = await runGroup([file])
      report(result)
      if (result.counts.fail === 0) passed.push(file)
    }
  }
  return passed
}

function report(result) {
  const { group, output, counts, seconds } = result
  const name = group.join(' ')
  total.pass += counts.pass
  total.fail += counts.fail
  total.skipped += counts.skipped
  if (counts.fail > 0) failedGroups.push(result)
  if (counts.fail > 0 || options.verbose) console.log(`\n${mapStacks(output.trimEnd())}`)
  const summary =
    counts.fail > 0
      ? `${counts.fail} of ${counts.pass + counts.fail} failed`
      : `${counts.pass} passed`
  const skips = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`${counts.fail > 0 ? '✖' : '✔'} ${name}: ${summary}${skips}, ${seconds.toFixed(1)} s`)
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {} // it has ended already
}
