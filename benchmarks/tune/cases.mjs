// The 12 cases of the issue, and variants of two. `model(seed)` makes a simulated pipeline.
// `casesOf(scale)` makes them with other numbers: `scale(name, value)` returns the number to use in
// place of `value`.
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

/** A call that is slower the more others run beside it. */
function contend(scale, spread) {
  const [place, height] = [scale('curve place', 1), scale('curve height', 1)]
  const workPerMs = (tasks) => (height * contended(Math.max(1, tasks / place))) / 1000
  return (sim, stage, done) => {
    stage.mutex ??= new Cores(sim, 0, workPerMs)
    stage.mutex.run(sim.vary(SAMPLES_A_TASK, spread), done)
  }
}

/** The numbers of the issue. */
export const AS_GIVEN = (_name, value) => value

/** Every number times a factor between 0.7 and 1.3, which depends on its name and `set` alone. */
export function varied(set) {
  return (name, value) => {
    let hash = set * 7919
    for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 1_000_003
    return value * (0.7 + 0.6 * random(hash)())
  }
}

/** @param {(name: string, value: number) => number} scale */
export const casesOf = (scale) => [
  {
    name: 'io',
    title: '200 ms I/O',
    model: (seed) => ({
      seed,
      consumerMs: scale('io consumer', 5),
      stages: [{ call: wait(scale('io call', 200)) }],
    }),
  },
  {
    name: 'io-step',
    title: 'the same, all calls take the same time',
    model: (seed) => ({
      seed,
      consumerMs: scale('io consumer', 5),
      stages: [{ call: wait(scale('io call', 200), 0) }],
    }),
  },
  {
    name: '429',
    title: 'server answers 429 above 20',
    model: (seed) => ({
      seed,
      consumerMs: scale('429 consumer', 1),
      stages: [
        {
          call(sim, stage, done) {
            stage.atServer ??= 0
            const attempt = (n) => {
              if (stage.atServer >= Math.round(scale('429 server', 20))) {
                sim.after(10, () => {
                  stage.retries++
                  const backOffMs = Math.min(2000, scale('429 back-off', 100) * 2 ** n)
                  sim.after(backOffMs * (0.5 + sim.rng() / 2), () => attempt(n + 1))
                })
                return
              }
              stage.atServer++
              sim.after(sim.vary(scale('429 call', 100)), () => {
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
      stages: [
        { call: wait(scale('io-cpu waits', 200)) },
        { call: work(scale('io-cpu works', 20)) },
      ],
    }),
  },
  {
    // All calls take the same time, so those that begin together also end together.
    name: 'curve',
    title: "contention curve of SPDL's demuxer",
    // In windows of five seconds, there are one or two bursts of the start's calls.
    isInStep: true,
    model: (seed) => ({ seed, consumerMs: 0.1, stages: [{ call: contend(scale, 0) }] }),
  },
  {
    name: 'curve-spread',
    title: 'the same, times vary by a fifth',
    model: (seed) => ({ seed, consumerMs: 0.1, stages: [{ call: contend(scale, 0.2) }] }),
  },
  {
    name: 'two-cpu',
    title: 'two CPU stages (10 + 5 ms), 2 cores',
    model: (seed) => ({
      seed,
      cores: 2,
      consumerMs: 1,
      stages: [
        { call: work(scale('two-cpu first', 10)) },
        { call: work(scale('two-cpu second', 5)) },
      ],
    }),
  },
  {
    name: 'consumer',
    title: 'consumer-bound (20 ms)',
    model: (seed) => ({
      seed,
      consumerMs: scale('consumer', 20),
      stages: [
        { call: wait(scale('consumer first', 20)) },
        { call: wait(scale('consumer second', 10)) },
      ],
    }),
  },
  {
    name: 'tails',
    title: 'heavy-tailed times (lognormal, sigma 1.5)',
    model: (seed) => {
      const sigma = scale('tails sigma', 1.5)
      return {
        seed,
        consumerMs: scale('tails consumer', 2),
        stages: [
          {
            call: (sim, _stage, done) =>
              sim.after(
                scale('tails call', 50) * Math.exp(sigma * normal(sim.rng) - sigma ** 2 / 2),
                done,
              ),
          },
        ],
      }
    },
  },
  {
    name: 'ordered',
    title: 'ordered head of line (one in 20 takes 400 ms)',
    model: (seed) => ({
      seed,
      consumerMs: scale('ordered consumer', 4),
      stages: [
        {
          order: 'input',
          call(sim, _stage, done) {
            const isSlow = sim.rng() < scale('ordered share', 0.05)
            const ms = isSlow ? scale('ordered slow', 400) : scale('ordered fast', 20)
            sim.after(sim.vary(ms), done)
          },
        },
      ],
    }),
  },
  {
    name: 'memory',
    title: 'memory-bound (10 MB items, 200 MB)',
    memoryBytes: scale('memory budget', 200e6),
    model: (seed) => ({
      seed,
      consumerMs: 1,
      itemBytes: scale('memory item', 10e6),
      stages: [{ call: wait(scale('memory call', 200)) }],
    }),
  },
  {
    name: 'drift',
    title: 'drift (times x 4 half-way)',
    drift: 30_000,
    model: (seed) => {
      const [beforeMs, factor] = [scale('drift call', 50), scale('drift factor', 4)]
      return {
        seed,
        consumerMs: scale('drift consumer', 5),
        stages: [
          {
            call: (sim, _stage, done) =>
              sim.after(sim.vary(sim.now < 30_000 ? beforeMs : factor * beforeMs), done),
          },
        ],
      }
    },
  },
  {
    name: 'fan-out',
    title: 'fan-out 1:20',
    model: (seed) => ({
      seed,
      cores: 4,
      consumerMs: 1,
      stages: [
        { call: wait(scale('fan-out waits', 200)), fanOut: Math.round(scale('fan-out', 20)) },
        { call: work(scale('fan-out works', 20)) },
      ],
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
      stages: [{ call: wait(scale('noisy waits', 50)) }, { call: work(scale('noisy works', 20)) }],
      begin(sim) {
        const rng = random(seed + 1000)
        const toggle = () => {
          sim.cores.take(sim.cores.count === 2 ? 1 : 0)
          sim.after(scale('noisy least', 1000) + scale('noisy more', 4000) * rng(), toggle)
        }
        sim.after(3000, toggle)
      },
    }),
  },
]

/** The cases of the issue. */
export const CASES = casesOf(AS_GIVEN)
