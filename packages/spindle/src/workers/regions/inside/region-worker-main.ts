import { workerData } from 'node:worker_threads'
import { watchParent } from '../../calls/orphan-watch.ts'
import { LoopEnd, neverReady } from '../../supervise/loop-end.ts'
import { joinProcess, onRefused } from '../../supervise/nesting.ts'
import type { EntrySetup } from '../../supervise/start-worker.ts'
import { canStripTypes, isTypeScript } from '../../supervise/typescript.ts'
import { markTsx, runInit } from '../../supervise/worker-modules.ts'
import { toWire } from '../../transport/wire-error.ts'
import type { RegionSetup, ToWorker } from '../region-protocol.ts'
import { loadStages, withBlockingCalls } from './load-stages.ts'
import { BlockingCalls, openMainChannel } from './main-channel.ts'
import { NestedGraph } from './nested-graph.ts'

// The main module of a worker of a region, thread or process.

const port = openMainChannel()
if (port.isProcess) {
  joinProcess()
  // Ctrl-C in a terminal signals all its processes. The main side decides when this one ends.
  process.on('SIGINT', () => {})
}
let graph: NestedGraph | undefined
let isStarting = false
const loopEnd = new LoopEnd(
  port.lifeline,
  () => isStarting || graph?.isWaiting === true,
  () => {
    if (graph === undefined) port.post({ failure: toWire(neverReady()) }, [])
    else port.post(graph.loopEnd, [])
  },
)

// From TypeScript sources, a process was started with tsx if needed, and a thread got the setting.
if (
  (workerData as EntrySetup | null)?.tsx !== undefined ||
  (isTypeScript(import.meta.url) && !canStripTypes())
)
  markTsx()
onRefused((error) => {
  port.post({ failure: toWire(error) }, [])
  process.exit(0)
})
port.listen((message) => {
  if (graph === undefined) void setUp(message as RegionSetup)
  else graph.onMessage(message as ToWorker)
  loopEnd.checkSoon()
})
port.post('hello', [])

async function setUp({ plan, control, pulse }: RegionSetup): Promise<void> {
  isStarting = true
  try {
    // Before any of the user's code can block the process.
    if (port.isProcess) watchParent(pulse)
    if (plan.init !== undefined) await runInit(plan.init, plan.initArgs)
    const configs = withBlockingCalls(
      await loadStages(plan.stages),
      new BlockingCalls(port, control),
    )
    graph = new NestedGraph(plan, configs, port, () => process.exit(0))
    // If the worker ends by itself, finished results must not be lost.
    process.on('exit', () => graph?.batcher.flush(true))
    port.post('ready', [])
  } catch (error) {
    port.post({ failure: toWire(error) }, [])
  } finally {
    isStarting = false
  }
}
