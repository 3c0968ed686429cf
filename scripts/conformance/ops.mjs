// What the conformance checks run in threads, processes and regions.
import { PipelineBuilder } from 'spindle'

export const double = (n) => n * 2

export const fill = (n) => new Float32Array(1024).fill(n)

export function refuse(n) {
  throw Object.assign(new RangeError(`no ${n}`), { code: 'E_NO' })
}

export async function untilAborted(_n, { signal }) {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  throw signal.reason
}

/** For `runPipelineInWorker()` and `runPipelineInProcess()`. */
export const pipeline = () =>
  new PipelineBuilder()
    .addSource(Array.from({ length: 20 }, (_, i) => i))
    .pipe(async (n) => n * 2, { concurrency: 2, outputOrder: 'input' })

export const arrays = () =>
  new PipelineBuilder().addSource([0, 1, 2, 3]).pipe(fill, { outputOrder: 'input' })
