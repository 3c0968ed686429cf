// Compiles sources and tests (scripts/test-build.mjs), runs the test files with node:test, and ends with "N passed, N failed".
//   node scripts/test.mjs [options] [part of a file name …]
//     --long             slow laws with ten times as many cases, and matrices whole: for a night (--times 3: three times)
//     --quick            without the files that are laws, matrices and crashes in a loop: what a runtime may break is elsewhere
//     --sources          from TypeScript, through tsx, as a contributor may run a single test under a debugger
//     --browser          the suite that needs Chromium instead
//     --node 24          another Node (or --node /path/to/node); --jobs 3, --timeout-s 240, --verbose
// It starts each file itself rather than by `node --test`: Node 20 has no globs there, and Node 24 and 26 wait for ever
// for a file whose test leaves a handle open, where here the file is killed at the time limit and named.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { nodeBinary } from './node-versions.mjs'
import { buildTests, compiled, mirror } from './test-build.mjs'
import { root } from './tools.mjs'

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string', default: process.execPath },
    // Two more than there are cores: many files wait for the death or the end of processes for a while.
    jobs: { type: 'string', default: String(Math.min(8, availableParallelism() + 2)) },
    'timeout-s': { type: 'string' },
    verbose: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    times: { type: 'string' },
    quick: { type: 'boolean', default: false },
    sources: { type: 'boolean', default: false },
    browser: { type: 'boolean', default: false },
  },
})
const node = /^\d+$/.test(options.node) ? nodeBinary(options.node) : options.node
const times = options.times ?? (options.long ? '10' : undefined)
const timeoutMs = Number(options['timeout-s'] ?? 240 * Math.max(1, Number(times ?? 1))) * 1000
const REPEATS = /(?:laws|matrix|soak|crash|kill|power-cut)\.test\.ts$/
/** Those that take longest come first, so that none of them is what all wait for in the end. */
const LONGEST =
  /region\/|remote\/|resume\/|placement\/|io\/test\/(?:stopping|lifetime|corpus|audio|video)|guard\/|leaks|ring-buffer/
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
const failedFiles = []
const running = new Set()
// The children lead process groups of their own, which Ctrl-C does not reach.
process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
process.on('exit', () => running.forEach(killGroup))

const queue = [...files]
await Promise.all(
  Array.from({ length: Number(options.jobs) }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) report(await runFile(file))
  }),
)
if (failedFiles.length > 0) console.log(`\nfailed: ${failedFiles.join(' ')}`)
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

async function runFile(file) {
  const startedAt = performance.now()
  const child = spawn(
    node,
    [
      ...(options.sources ? ['--conditions=@spindle/source', '--import=tsx'] : ['--enable-source-maps']),
      '--expose-gc',
      // Shorter than the limit of the file, so that a test that hangs is named.
      `--test-timeout=${timeoutMs / 2}`,
      // One reporter, on the pipe: a second one with a file would show among the handles that the tests of leaks count.
      '--test-reporter=spec',
      options.sources ? file : join(root, compiled(file)),
    ],
    { cwd: options.sources ? root : mirror, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
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
      // What the file left running goes with it, and lets go of the pipes; then the rest of the output is there.
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
  else if (ending !== 0 && counts.fail === 0) output += `\nended with ${ending} although no test failed\n`
  if (ending !== 0 && counts.fail === 0) counts.fail = 1
  return { file, output, counts, seconds: (performance.now() - startedAt) / 1000 }
}

/** From the summary of the spec reporter ("ℹ pass 5"), which is the same in every Node. */
function countsIn(output) {
  const of = (name) => Number(output.match(new RegExp(`^ℹ ${name} (\\d+)$`, 'm'))?.[1] ?? 0)
  // A test that was cancelled (its file ended under it) did not pass; a file without a test is a mistake.
  const counts = { pass: of('pass'), fail: of('fail') + of('cancelled'), skipped: of('skipped') + of('todo') }
  if (counts.pass + counts.fail + counts.skipped === 0) counts.fail = 1
  return counts
}

function report({ file, output, counts, seconds }) {
  total.pass += counts.pass
  total.fail += counts.fail
  total.skipped += counts.skipped
  if (counts.fail > 0) failedFiles.push(file)
  if (counts.fail > 0 || options.verbose) console.log(`\n${output.trimEnd()}`)
  const summary =
    counts.fail > 0 ? `${counts.fail} of ${counts.pass + counts.fail} failed` : `${counts.pass} passed`
  const skips = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`${counts.fail > 0 ? '✖' : '✔'} ${file}: ${summary}${skips}, ${seconds.toFixed(1)} s`)
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {} // it has ended already
}
