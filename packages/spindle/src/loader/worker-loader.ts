import { opOf } from '../workers/calls/worker-module.ts'
import { loadOp } from '../workers/supervise/worker-modules.ts'
import { DataLoader } from './data-loader.ts'
import type { BatchLoaderOptions, LoaderSource } from './loader-options.ts'
import type { LoaderDescription, Sent } from './worker-epochs.ts'

/**
 * Makes the loader in a worker from its description. Functions run on the worker's event loop, or
 * with `threads` in further threads. The source and the aggregator always run on the worker's event
 * loop.
 */
export async function loader({
  source,
  options,
  epoch,
}: LoaderDescription): Promise<DataLoader<unknown>> {
  const inThreads = options.threads !== undefined
  const made: Record<string, unknown> = { epoch }
  for (const [name, sent] of Object.entries(options)) {
    if (name === 'epoch') continue
    made[name] = await received(sent, inThreads && name !== 'aggregate')
  }
  const items = (await received(source, false)) as LoaderSource<unknown>
  return new DataLoader(
    items,
    made as unknown as BatchLoaderOptions<unknown, unknown, unknown, unknown>,
  )
}

async function received(sent: Sent, asReference: boolean): Promise<unknown> {
  if (!('reference' in sent)) return sent.value
  return asReference ? opOf(sent.reference) : loadOp(sent.reference)
}
