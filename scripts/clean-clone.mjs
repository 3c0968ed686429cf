// Runs the commands of README's first block as a reader does: in a fresh clone, with only Node, npm
// and a shell on the PATH.
//   node scripts/clean-clone.mjs [--keep]      clones HEAD: what is not committed is not tried
// Ends with "N passed, N failed": the counts of the commands, or one for a command without counts.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './tools.mjs'

/**
 * What npm and the scripts of packages may call besides Node. No git, Python, compiler or media
 * tool is among them.
 */
const PROGRAMS = [
  'sh',
  'env',
  'cat',
  'cp',
  'dirname',
  'basename',
  'ls',
  'mkdir',
  'mv',
  'rm',
  'sed',
  'uname',
]

const folder = mkdtempSync(join(tmpdir(), 'spindle-clean-'))
const isKept = process.argv.includes('--keep')
let running
process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
process.on('exit', () => {
  if (running !== undefined) killGroup(running)
  if (!isKept) rmSync(folder, { recursive: true, force: true })
})
const clone = join(folder, 'spindle')
must('git', 'clone', '--quiet', root, clone)
const env = { ...inherited(), PATH: barePath() }
const counts = { passed: 0, failed: 0 }
for (const command of commandsOf(readFileSync(join(clone, 'README.md'), 'utf8')))
  await runCommand(command)
if (isKept) console.log(`kept: ${folder}`)
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed > 0 ? 1 : 0

/** The lines of the first shell block, without their comments. */
function commandsOf(readme) {
  const [, block] = /^```sh\n([\s\S]*?)^```/m.exec(readme) ?? []
  const commands = (block ?? '')
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter(Boolean)
  if (commands.length < 2) throw new Error('README.md has no block of commands that could be tried')
  return commands
}

/** A folder of links; programs that this machine lacks are left out. */
function barePath() {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(process.execPath, join(bin, 'node'))
  // Links to where they are, as they find their own files from there.
  for (const name of ['npm', 'npx'])
    symlinkSync(realpathSync(which(name, dirname(process.execPath))), join(bin, name))
  for (const name of PROGRAMS) {
    const found = which(name)
    if (found !== undefined) symlinkSync(realpathSync(found), join(bin, name))
  }
  return bin
}

function which(name, first = '') {
  const folders = [first, ...(process.env.PATH ?? '').split(':')].filter(Boolean)
  return folders
    .map((one) => join(one, name))
    .find((file) => spawnSync(file, ['--version']).error === undefined)
}

/** Without the variables of an npm that runs this script. */
function inherited() {
  const isNpms =
    /^(?:npm_(?:package|lifecycle|execpath|node_execpath|command|config_(?:local_prefix|prefix|global_prefix))|NODE_|INIT_CWD)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isNpms.test(name)))
}

async function runCommand(command) {
  console.log(`\n$ ${command}`)
  const startedAt = performance.now()
  running = spawn('/bin/sh', ['-c', command], {
    cwd: clone,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  let text = ''
  running.stdout.setEncoding('utf8').on('data', (part) => {
    text = (text + part).slice(-10_000)
    process.stdout.write(part)
  })
  const status = await new Promise((resolve) =>
    running.on('close', resolve).on('error', () => resolve(-1)),
  )
  running = undefined
  const [, passed = '0', failed = '0'] =
    [...text.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1) ?? []
  counts.passed += Number(passed)
  counts.failed += Number(failed)
  if (status === 0 && passed === '0') counts.passed++
  if (status !== 0 && failed === '0') counts.failed++
  console.log(
    `${status === 0 ? '✔' : '✖'} ${command}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
  )
}

function must(program, ...args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error ?? stderr}`)
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {} // it has ended already
}
