// The 12 cases. `model(seed)` makes a simulated pipeline; `grid` lists the bounds among which the
// optimum is searched for.
import { Cores, normal, random } from './simulator.mjs'

/** A call that waits. */
const wait =
  (ms, spread = 0.2) =>
  (sim, _stage, done) =>
    sim.after(sim.vary(ms, spread), done)

/** A call that works. */
const work =
  (ms, spread = 0.2) =>
  (sim, _stage, done) =>
    sim.cores.run(sim.vary(ms, spread), done)

/**
 * Samples a second of SPDL's demuxer under so many tasks at a time: published for 2, 3, 4, 6 and 8;
 * one task alone is taken to do 700.
 */
const RATES = [
  [1, 700],
  [2, 1261],
  [3, 1294],
  [4, 1126],
  [6, 580],
  [8, 386],
]

/**
 * Samples a second when `running` tasks contend; between the published points by straight lines,
 * beyond them falling as from 6 to 8.
 */
export function contended(running) {
  if (running >= 8) return 386 * (8 / running) ** 0.7
  const at = RATES.findIndex(([count]) => count >= running)
  const [c1, r1] = RATES[at]
  if (c1 === running || at === 0) return r1
  const [c0, r0] = RATES[at - 1]
  return r0 + ((running - c0) / (c1 - c0)) * (r1 - r0)
}
const SAMPLES_A_TASK = 6

export const SIZES = [
  1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 44, 48, 56, 64,
]

export const CASES = [
  {
    name: 'io',
    title: '200 ms I/O',
    model: (seed) => ({ seed, consumerMs: 5, stages: [{ call: wait(200) }] }),
  },
  {
    name: '429',
    title: 'server answers 429 above 20',
    model: (seed) => ({
      seed,
      consumerMs: 1,
      stages: [
        {
          call(sim, stage, done) {
            stage.atServer ??= 0
            const attempt = (n) => {
              if (stage.atServer >= 20) {
                sim.after(10, () => {
                  stage.retries++
                  sim.after(Math.min(2000, 100 * 2 ** n) * (0.5 + sim.rng() / 2), () =>
                    attempt(n + 1),
                  )
                })
                return
              }
              stage.atServer++
              sim.after(sim.vary(100), () => {
                stage.atServer--
                done()
              })
            }
            attempt(0)
          },
        },
      ],
    }),
  },
  {
    name: 'io-cpu',
    title: 'I/O 200 ms + CPU 20 ms, 2 cores',
    model: (seed) => ({
      seed,
      cores: 2,
      consumerMs: 1,
      stages: [{ call: wait(200) }, { call: work(20) }],
    }),
  },
  {
    name: 'curve',
    title: "contention curve of SPDL's demuxer",
    model: (seed) => ({
      seed,
      consumerMs: 0.1,
      stages: [
        {
          call(sim, stage, done) {
            stage.mutex ??= new Cores(sim, 0, (tasks) => contended(tasks) / 1000)
            stage.mutex.run(sim.vary(SAMPLES_A_TASK), done)
          },
        },
      ],
    }),
  },
  {
    name: 'two-cpu',
    title: 'two CPU stages (10 + 5 ms), 2 cores',
    model: (seed) => ({
      seed,
      cores: 2,
      consumerMs: 1,
      stages: [{ call: work(10) }, { call: work(5) }],
    }),
  },
  {
    name: 'consumer',
    title: 'consumer-bound (20 ms)',
    model: (seed) => ({ seed, consumerMs: 20, stages: [{ call: wait(20) }, { call: wait(10) }] }),
  },
  {
    name: 'tails',
    title: 'heavy-tailed times (lognormal, sigma 1.5)',
    model: (seed) => ({
      seed,
      consumerMs: 2,
      stages: [
        {
          call: (sim, _stage, done) =>
            sim.after(50 * Math.exp(1.5 * normal(sim.rng) - 1.125), done),
        },
      ],
    }),
  },
  {
    name: 'ordered',
    title: 'ordered head of line (one in 20 takes 400 ms)',
    model: (seed) => ({
      seed,
      consumerMs: 4,
      stages: [
        {
          order: 'input',
          call: (sim, _stage, done) => sim.after(sim.vary(sim.rng() < 0.05 ? 400 : 20), done),
        },
      ],
    }),
  },
  {
    name: 'memory',
    title: 'memory-bound (10 MB items, 200 MB)',
    memoryBytes: 200e6,
    model: (seed) => ({ seed, consumerMs: 1, itemBytes: 10e6, stages: [{ call: wait(200) }] }),
  },
  {
    name: 'drift',
    title: 'drift (times x 4 half-way)',
    drift: 30_000,
    model: (seed) => ({
      seed,
      consumerMs: 5,
      stages: [
        { call: (sim, _stage, done) => sim.after(sim.vary(sim.now < 30_000 ? 50 : 200), done) },
      ],
    }),
  },
  {
    name: 'fan-out',
    title: 'fan-out 1:20',
    model: (seed) => ({
      seed,
      cores: 4,
      consumerMs: 1,
      stages: [{ call: wait(200), fanOut: 20 }, { call: work(20) }],
    }),
  },
  {
    name: 'noisy',
    title: 'noisy neighbour (takes one of 2 cores at times)',
    // What the neighbour does depends on the time alone: windows are compared with the same ones.
    isInStep: true,
    model: (seed) => ({
      seed,
      cores: 2,
      consumerMs: 1,
      stages: [{ call: wait(50) }, { call: work(20) }],
      begin(sim) {
        const rng = random(seed + 1000)
        const toggle = () => {
          sim.cores.take(sim.cores.count === 2 ? 1 : 0)
          sim.after(1000 + 4000 * rng(), toggle)
        }
        sim.after(3000, toggle)
      },
    }),
  },
]
