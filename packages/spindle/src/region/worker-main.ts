import { workerData } from 'node:worker_threads'
import type { RegionSetup, ToWorker } from '../placement/region/protocol.ts'
import type { EntrySetup } from '../placement/start-worker.ts'
import { canStripTypes, isTypeScript } from '../placement/typescript.ts'
import { toWire } from '../placement/wire-error.ts'
import { loadOp, markTsx } from '../placement/worker-modules.ts'
import { loadStages } from './load-stages.ts'
import { NestedGraph } from './nested-graph.ts'
import { Holds, openPort } from './port.ts'
import { withHolds } from './timed-op.ts'

// What runs in a worker of a region, be it a thread or a process.

const port = openPort()
let graph: NestedGraph | undefined

// From sources a process was started with tsx where that is needed, a thread was told.
if (
  (workerData as EntrySetup | null)?.tsx !== undefined ||
  (isTypeScript(import.meta.url) && !canStripTypes())
)
  markTsx()
port.listen((message) => {
  if (graph === undefined) void setUp(message as RegionSetup)
  else graph.hear(message as ToWorker)
})
port.post('hello', [])

async function setUp({ plan, control }: RegionSetup): Promise<void> {
  try {
    if (plan.init !== undefined) await (await loadOp(plan.init))(undefined, undefined)
    const configs = withHolds(await loadStages(plan.stages), new Holds(port, control))
    graph = new NestedGraph(plan, configs, port, () => process.exit(0))
    // What was done before the worker ends of itself need not be done again.
    process.on('exit', () => graph?.outbox.flush(true))
    port.post('ready', [])
  } catch (error) {
    port.post({ failure: toWire(error) }, [])
  }
}
