import { PipelineBuilder, workerModule } from 'spindle'
import { callsOf, inPiscina, inPool, OPS, oneThread } from '../measure.mjs'

export const title =
  'Small calls, pipelined: {id, path, label} -> {id, ok}, one thread, 256 in flight'
export const unit = 'us a call'

const DEPTH = 256
const itemOf = (id) => ({ id, path: `train/n01440764/${id}.jpg`, label: id % 1000 })

export const contestants = {
  pool: (scale) => callsOf(inPool(oneThread(), 'small'), itemOf, 200_000 * scale, DEPTH),
  pipeline: async (scale) => {
    const { small } = workerModule(OPS)
    const executor = oneThread()
    const run = async (count) => {
      const source = function* () {
        for (let id = 0; id < count; id++) yield itemOf(id)
      }
      const pipeline = new PipelineBuilder()
        .addSource(source)
        .pipe(small, { executor, concurrency: DEPTH })
      await pipeline.build().forEach(() => {})
    }
    const count = 200_000 * scale
    await run(count / 4)
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    await run(count)
    const us = ((performance.now() - startedAt) * 1e3) / count
    const cpu = process.cpuUsage(cpuBefore)
    return { value: us, cpuUs: (cpu.user + cpu.system) / count }
  },
  piscina: (scale) => callsOf(inPiscina('small'), itemOf, 20_000 * scale, DEPTH),
  'piscina, 16 a worker': (scale) =>
    callsOf(inPiscina('small', { concurrentTasksPerWorker: 16 }), itemOf, 50_000 * scale, DEPTH),
}

export const targets = [
  { of: 'pool', against: 'piscina', atLeast: 20 },
  { of: 'pool', against: 'piscina, 16 a worker', atLeast: 4 },
]
