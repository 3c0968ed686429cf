// Runs a cell as a whole process, from its start to its end: wall time, CPU of it and of all its
// children, the time of its first batch, its largest memory, and the cores that others used.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { readBusyMs } from '../engine/machine.mjs'

const SAMPLE_MS = 20

/**
 * @param command program and arguments; prints a line `first` and at its end a line of JSON
 * @returns seconds, CPU seconds, milliseconds to the first batch, MB, cores used by others, and
 *   what the cell printed
 */
export async function runCell(command, { cwd, env = {} }) {
  const busyBefore = readBusyMs()
  const startedAt = performance.now()
  // The shell's `times` counts the CPU of the whole tree, children of children included.
  const child = spawn('bash', ['-c', '"$@"; code=$?; times >&2; exit $code', 'cell', ...command], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors, firstMs] = ['', '', undefined]
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
    if (firstMs === undefined && output.includes('first')) firstMs = performance.now() - startedAt
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text
  })
  const memory = watchMemory(child.pid)
  const code = await new Promise((resolve) => child.on('close', resolve))
  const seconds = (performance.now() - startedAt) / 1000
  const rssMb = memory.stop()
  const lines = errors.trim().split('\n')
  if (code !== 0) throw new Error(lines.slice(0, -2).slice(-3).join(' | ') || `exit ${code}`)
  const [user, system] = lines.at(-1).split(' ').map(secondsOf)
  const cpuSeconds = user + system
  const busySeconds = (readBusyMs() - busyBefore) / 1000
  const others = Math.max(0, (busySeconds - cpuSeconds) / seconds)
  const result = JSON.parse(output.trim().split('\n').at(-1))
  return { seconds, cpuSeconds, firstMs, rssMb, others: Math.min(others, cpus().length), ...result }
}

function secondsOf(text) {
  const [, minutes, rest] = /^(\d+)m([\d.]+)s$/.exec(text)
  return Number(minutes) * 60 + Number(rest)
}

/**
 * The largest memory of the cell. Of one process: the kernel's own mark. Of several: the largest
 * sum of their shares (PSS), so that a page that several use counts once.
 */
function watchMemory(shell) {
  let [mark, sum, tick] = [0, 0, 0]
  const timer = setInterval(() => {
    const tree = processesBelow(shell)
    for (const pid of tree)
      mark = Math.max(mark, kilobytes(`/proc/${pid}/status`, /VmHWM:\s+(\d+)/))
    if (tree.length > 1 && tick++ % 3 === 0) {
      const shares = tree.map((pid) => kilobytes(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+)/m))
      sum = Math.max(
        sum,
        shares.reduce((total, share) => total + share, 0),
      )
    }
  }, SAMPLE_MS)
  return {
    stop() {
      clearInterval(timer)
      return Math.max(mark, sum) / 1024
    },
  }
}

/** The processes below the shell, without it. */
function processesBelow(shell) {
  const found = []
  const look = (pid) => {
    let children = []
    try {
      for (const task of readdirSync(`/proc/${pid}/task`))
        children = children.concat(
          readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '),
        )
    } catch {} // it has ended
    for (const child of children.filter(Boolean)) {
      found.push(child)
      look(child)
    }
  }
  look(shell)
  return found
}

function kilobytes(path, pattern) {
  try {
    return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
