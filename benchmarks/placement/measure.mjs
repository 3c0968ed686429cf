// The common parts of the cells.
import { ThreadPool } from 'spindle'
import { loadPiscina } from './rivals.mjs'

const { signal } = new AbortController()

/** The module of the ops, for pools and Piscina. */
export const OPS = new URL('./ops/ops.mjs', import.meta.url).href

/** `name` of the ops as a function, in a pool of Spindle. */
export function inPool(pool, name) {
  const call = { filename: OPS, name, signal }
  return (item) => pool.run(item, call)
}

/** The same in a Piscina with one worker, unless `options` say otherwise. */
export function inPiscina(name, options = {}) {
  const { Piscina } = loadPiscina()
  const pool = new Piscina({ filename: OPS, minThreads: 1, maxThreads: 1, ...options })
  return (item) => pool.run(item, { name })
}

export const oneThread = () => new ThreadPool({ size: 1 })

/**
 * Makes `count` calls, `depth` at a time, after a quarter as many to warm up: microseconds a call,
 * and of CPU time. `use` gets each result.
 */
export async function callsOf(run, itemOf, count, depth, use = () => {}) {
  const makeCalls = async (calls) => {
    let next = 0
    const lane = async () => {
      while (next < calls) use(await run(itemOf(next++)))
    }
    await Promise.all(Array.from({ length: depth }, lane))
  }
  await makeCalls(Math.ceil(count / 4))
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await makeCalls(count)
  const us = ((performance.now() - startedAt) * 1e3) / count
  const cpu = process.cpuUsage(cpuBefore)
  return { value: us, cpuUs: (cpu.user + cpu.system) / count }
}
