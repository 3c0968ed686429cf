// The machine of the figures, and how much other programs disturbed them.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform, totalmem } from 'node:os'

const MS_PER_TICK = 10 // USER_HZ is 100 on every Linux that Node runs on

export function describeMachine(node) {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${arch()}`,
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    commit: readCommit(),
    date: new Date().toISOString(),
  }
}

/** CPU time of the whole machine since boot, in ms; undefined without /proc. */
export function readBusyMs() {
  try {
    const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]
      .match(/\d+/g)
      .map(Number)
    return (user + nice + system + irq + softirq) * MS_PER_TICK
  } catch {
    return undefined
  }
}

/** Waits until other programs use less than a tenth of a core, at most `limitMs`. */
export async function waitForQuiet(limitMs) {
  const startedAt = performance.now()
  while (performance.now() - startedAt < limitMs) {
    const before = readBusyMs()
    if (before === undefined) return
    await new Promise((resolve) => setTimeout(resolve, 300))
    if (readBusyMs() - before <= 30) return
  }
}

export function readLoad() {
  return Number(loadavg()[0].toFixed(2))
}

function readCommit() {
  try {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
    }).trim()
    const changes = execFileSync('git', ['status', '--porcelain', '--', '../../packages/spindle'], {
      cwd: new URL('.', import.meta.url),
      encoding: 'utf8',
    })
    return changes === '' ? commit : `${commit} with changes`
  } catch {
    return 'unknown'
  }
}
