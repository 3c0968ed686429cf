// Runs a case in the simulator: under fixed bounds, or with the tuner.
import { tsImport } from 'tsx/esm/api'
import { Simulation } from './simulator.mjs'

// The tuner itself is no part of what the package exports.
const { Tuner } = await tsImport('../../packages/spindle/src/tune/tuner.ts', import.meta.url)

export function withBounds(model, bounds) {
  return {
    ...model,
    stages: model.stages.map((stage, i) => ({ ...stage, concurrency: bounds[i] })),
  }
}

/** Items a second under fixed bounds, from `fromMs` to `toMs`, and the most memory used. */
export function measureFixed(testCase, bounds, seed, fromMs, toMs) {
  const sim = new Simulation(withBounds(testCase.model(seed), bounds))
  sim.runUntil(fromMs)
  const before = sim.items
  let most = 0
  for (let at = fromMs; at < toMs; at += 250) {
    sim.runUntil(Math.min(toMs, at + 250))
    most = Math.max(most, sim.memoryBytes)
  }
  return { perSec: ((sim.items - before) * 1000) / (toMs - fromMs), memoryBytes: most }
}

/** As in the engine's sampler: with so few results, it is not known yet what to count. */
function isVague(sim) {
  return sim.items < 4 && sim.stages.every(({ emitted }) => emitted < 64)
}

/** Items taken by each 250 ms, and the tuner's moves. */
export function runTuned(testCase, start, seed, toMs, mode = 'continuous') {
  const model = testCase.model(seed)
  const bounds = model.stages.map(() => start)
  const sim = new Simulation(withBounds(model, bounds))
  const tuner = new Tuner({
    mode,
    memoryBytes: testCase.memoryBytes ?? 8e9,
    units: model.stages.map(({ order }, i) => ({
      name: `stage ${i}`,
      option: 'concurrency',
      min: 1,
      max: 256,
      value: start,
      isOrdered: order === 'input',
      buffer: { min: 2, max: 64, value: 2 },
    })),
  })
  const counts = [0]
  const memory = [0]
  const slots = [start * bounds.length]
  let nextTick = 50
  let nextCount = 250
  while (sim.now < toMs) {
    const at = Math.min(nextTick, nextCount, toMs)
    sim.runUntil(at)
    if (at === nextCount) {
      counts.push(sim.items)
      memory.push(sim.memoryBytes)
      slots.push(sim.stages.reduce((sum, { concurrency }) => sum + concurrency, 0))
      nextCount += 250
    }
    if (at === nextTick) {
      const { changes, waitMs } = isVague(sim)
        ? tuner.watch(sim.sample())
        : tuner.next(sim.sample())
      for (const { unit, option, value } of changes) {
        if (option === 'buffer') sim.stages[unit].resizeBuffer(value)
        else sim.stages[unit].resize(value)
      }
      nextTick = at + waitMs
    }
  }
  return {
    counts,
    memory,
    slots,
    moves: tuner.moves,
    bounds: sim.stages.map((stage) => stage.concurrency),
  }
}
