import { setTimeout as sleep } from 'node:timers/promises'
import { inPiscina, inPool, oneThread } from '../measure.mjs'

export const title = 'One small call at a time, from idle: 2 ms of sleep before each'
export const unit = 'us a call'

async function fromIdle(run, count) {
  let us = 0
  const cpuBefore = process.cpuUsage()
  for (let id = -50; id < count; id++) {
    await sleep(2)
    const startedAt = performance.now()
    await run({ id, path: 'a', label: 1 })
    if (id >= 0) us += (performance.now() - startedAt) * 1e3
  }
  const cpu = process.cpuUsage(cpuBefore)
  return { value: us / count, cpuUs: (cpu.user + cpu.system) / count }
}

export const contestants = {
  pool: (scale) => fromIdle(inPool(oneThread(), 'small'), 500 * scale),
  piscina: (scale) => fromIdle(inPiscina('small'), 500 * scale),
}

export const targets = [{ of: 'pool', against: 'piscina', atMost: 0.7 }]
