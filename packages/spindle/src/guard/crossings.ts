import type { Graph } from '../engine/run/graph.ts'
import type { Stage } from '../engine/stages/stage.ts'
import type { LoopPart } from '../engine/stats/loop-blocks.ts'
import { toPath } from '../file-place.ts'
import { isPlaceIn } from '../own-places.ts'
import type { StackFrame } from './watch-protocol.ts'

/**
 * Files of Node that unpack messages of threads and processes. Blocks in them are caused by large
 * messages.
 */
const MESSAGING =
  /^node:internal\/(?:per_context\/messageport|worker\/io|child_process(?:\/serialization)?)$|^node:v8$/

/** Folders of the code that exchanges messages with the workers of pools and regions. */
const WORKERS = ['calls', 'regions', 'transport', 'memory', 'supervise'].map(
  (room) => `workers/${room}`,
)

/**
 * Finds work of the package itself whose duration depends on the size of items: packing and
 * unpacking for a thread or process.
 */
export function crossingOf(
  graph: Graph,
  frames: readonly StackFrame[],
):
  | {
      readonly place: 'stage' | 'other'
      readonly part: LoopPart
      readonly owner: Stage | undefined
      readonly doing: string
    }
  | undefined {
  const isIn = (folder: string): boolean =>
    frames.some(({ file, line }) => isPlaceIn(folder, toPath(file), line))
  if (graph.consumers.at(-1)?.isSender === true && isIn('workers/pipelines'))
    return {
      place: 'other',
      part: 'sending',
      owner: undefined,
      doing: 'packing of items for the consumer',
    }
  const isOwn = WORKERS.some(isIn)
  if (!isOwn && !frames.some(({ file }) => MESSAGING.test(toPath(file)))) return undefined
  const owner = onlyOne(graph.stages.filter((stage) => stage.runsElsewhere))
  // Messages of other threads of the program do not belong to the pipeline.
  if (!isOwn && owner === undefined) return undefined
  const place = owner === undefined ? 'other' : 'stage'
  return { place, part: 'crossing', owner, doing: 'unpacking of results' }
}

/**
 * The stage whose result it was, if that is clear. If several stages have workers, only those with
 * calls in flight can be meant.
 */
function onlyOne(stages: readonly Stage[]): Stage | undefined {
  const candidates = stages.length > 1 ? stages.filter((stage) => stage.running > 0) : stages
  return candidates.length === 1 ? candidates[0] : undefined
}
