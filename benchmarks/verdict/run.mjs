// A bench of truth: pipelines whose limit is known, what the report says of each, and what
// following its advice brings.
//   npm run build && node benchmarks/verdict/run.mjs [--only part of a name] [--busy] [--ms 2500]
//   [--rounds 1] [--json file] [--tables]
// Each run of a pipeline is a process of its own. A round runs the case as it is, then as advised,
// then as it was again: the gain is the rate as advised by the mean of the other two. --busy:
// beside two processes that compute. Exits with 1 if a verdict is wrong.
import { execFile, fork } from 'node:child_process'
import { pbkdf2Sync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { describeMachine, readBusyMs, readLoad } from '../engine/machine.mjs'
import { cases } from './cases.mjs'
import { judgeCase } from './judge.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    busy: { type: 'boolean', default: false },
    ms: { type: 'string', default: '2500' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'string' },
    tables: { type: 'boolean', default: false },
  },
})
const MOST_ROUNDS = 3
const at = (name) => fileURLToPath(new URL(name, import.meta.url))
const run = promisify(execFile)

process.env.VERDICT_ROUNDS = String(calibrate())
const neighbours = options.busy ? [fork(at('busy.mjs')), fork(at('busy.mjs'))] : []
const server = fork(at('server.mjs'))
process.env.VERDICT_PORT = await new Promise((resolve) => server.once('message', resolve))
const machine = describeMachine(process.execPath)
const { cpu, cores, node, commit, date } = machine
console.log(
  `${cpu}, ${cores} cores; Node ${node}; ${commit}; ${date}; load ${readLoad()}${options.busy ? '; beside two busy processes' : ''}\n`,
)
const results = []
try {
  for (const [name, each] of Object.entries(cases)) {
    if (options.only !== undefined && !name.includes(options.only)) continue
    const rounds = []
    let result
    // A round in which others came or went says nothing of a gain: such a case is tried again.
    do {
      rounds.push(await oneRound(name, each))
      result = { name, ...judgeCase(each, rounds, options.busy) }
    } while (
      rounds.length < Number(options.rounds) ||
      (!result.isRight && result.isDisturbed && rounds.length < MOST_ROUNDS)
    )
    results.push(result)
    print(result)
  }
} finally {
  server.disconnect()
  for (const neighbour of neighbours) neighbour.kill()
}
const wrong = results.filter(({ isRight }) => !isRight)
console.log(`${results.length - wrong.length} of ${results.length} are right.`)
for (const { name, faults } of wrong) console.log(`  ${name}: ${faults.join('; ')}`)
if (options.json !== undefined)
  writeFileSync(
    options.json,
    `${JSON.stringify({ machine, busy: options.busy, results }, null, 2)}\n`,
  )
process.exitCode = wrong.length > 0 ? 1 : 0

/** As it is, as advised, as it is. */
async function oneRound(name, each) {
  const before = await cell(name, each.params)
  const params = followed(each, before.bottleneck)
  if (params === undefined) return { before }
  const after = await cell(name, params)
  const again = await cell(name, each.params)
  return { before, after, again, params }
}

/** The params as the verdict advises them; `undefined` where there is nothing to follow. */
function followed({ params, follow, instead, option = {} }, bottleneck) {
  const change = bottleneck?.change
  if (change === undefined) return bottleneck === undefined ? undefined : (follow ?? instead)
  const { stage, option: named, from, to } = change
  const key = option[`${stage}.${named}`] ?? named
  if (params[key] !== from) return { ...params, ...follow }
  const next = { ...params, [key]: to }
  // More workers need as many calls.
  if (named === 'workers' && params.concurrency < to) next.concurrency = to
  return next
}

async function cell(name, params) {
  const busyBefore = readBusyMs()
  const startedAt = performance.now()
  const { stdout } = await run(
    process.execPath,
    [at('cell.mjs'), name, JSON.stringify(params), options.ms],
    {
      maxBuffer: 2 ** 24,
      timeout: 60_000,
    },
  )
  const machineBusy = (readBusyMs() - busyBefore) / (performance.now() - startedAt)
  return { ...JSON.parse(stdout.trim().split('\n').at(-1)), machineBusy }
}

function print({
  name,
  isRight,
  isInstead,
  faults,
  verdict,
  advice,
  promise,
  gain,
  rates,
  others,
  params,
  table,
}) {
  console.log(`${isRight ? 'right' : 'WRONG'}  ${name}`)
  console.log(`       ${verdict}`)
  if (advice !== undefined) console.log(`       advice: ${advice}`)
  if (gain !== undefined)
    console.log(
      `       ${isInstead ? 'tried instead' : 'followed by'} ${JSON.stringify(params)}: promised ${promise.toFixed(2)}, measured ${gain?.toFixed(2) ?? 'nothing'} (${rates.map((rate) => rate?.toFixed(0) ?? 'none').join(' -> ')} a second; others used ${others.map((cores) => cores.toFixed(1)).join(', ')} cores)`,
    )
  for (const fault of faults) console.log(`       fault: ${fault}`)
  if (options.tables) console.log(`${table.replace(/^/gm, '         ')}`)
  console.log()
}

/** Rounds of the hash that take a millisecond of CPU time. */
function calibrate() {
  pbkdf2Sync('verdict', 'salt', 2e4, 32, 'sha256')
  const from = process.cpuUsage()
  pbkdf2Sync('verdict', 'salt', 2e5, 32, 'sha256')
  return Math.round(2e5 / (process.cpuUsage(from).user / 1000))
}
