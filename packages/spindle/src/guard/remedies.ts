import type { Stage } from '../engine/stages/stage.ts'
import type { LoopPlace } from '../engine/stats/loop-blocks.ts'
import { calledBy } from './block-owners.ts'
import { mayInspect } from './may-inspect.ts'

const CROSSING =
  'move the buffers instead of copying them, use shared memory (docs/shared-memory.md), give less, or run the stages after it in the same workers (.to(workers(…)))'

/**
 * The warning about a place that blocks the event loop: whose code, where, for how long, and what
 * to do.
 */
export function warningOf(at: LoopPlace, owner: Stage | undefined, heldMs: number): string {
  const place = at.where === undefined ? '' : ` (${at.where})`
  const unseen = mayInspect()
    ? ''
    : ' (its line is not known: --permission is given without --allow-inspector)'
  return `${whoseCode(at, owner)} held the event loop for ${Math.round(heldMs)} ms in ${at.function}${place}${unseen}; nothing else of the program went on meanwhile. Remedy: ${remedyFor(at, owner)}. Not told of again; see stats().blocks.`
}

function whoseCode(at: LoopPlace, owner: Stage | undefined): string {
  if (at.place === 'consumer') return 'the consumer'
  if (at.place === 'other')
    return at.part === 'sending' ? 'the sending of items' : 'a hook of the pipeline'
  const added = owner?.info.where
  return `stage "${at.stage}"${added === undefined ? '' : `, added at ${added},`}`
}

function remedyFor({ place, part }: LoopPlace, owner: Stage | undefined): string {
  if (place === 'consumer')
    return 'give that work to a stage whose op runs in a worker thread (workerModule), let it await something now and then, or run the pipeline in a worker (runPipelineInWorker)'
  switch (part) {
    case 'source':
      return 'let it await something between its items, or give descriptors (paths, numbers) and do the work in a stage whose op runs in a worker thread (workerModule)'
    case 'router':
      return 'let the router read a property that a stage before it has computed in a worker thread (workerModule)'
    case 'merge':
      return 'let the merge only choose and pass on items, and do the work in a stage after it whose op runs in a worker thread (workerModule)'
    case 'aggregator':
      return 'let the aggregator only collect items, and make the batch in a stage after it whose op runs in a worker thread (workerModule)'
    case 'hook':
      return 'let the hook only note what it is told, and do the work later or in a worker thread'
    case 'crossing':
      return `its op is in a worker already, and what holds the loop is the way of its items there and back: ${CROSSING}`
    case 'sending':
      return `the pipeline runs in a worker or process already, and what holds its loop is the copying of its items: ${CROSSING}`
    default: {
      const name = owner === undefined ? undefined : calledBy(owner)
      const op = name === undefined || !/^[\w$]+$/.test(name) ? 'op' : name
      return `run it in a worker thread: export the op from a module and give pipe() workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${op}`
    }
  }
}
