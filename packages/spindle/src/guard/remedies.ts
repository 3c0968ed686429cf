import type { Stage } from '../engine/stages/stage.ts'
import type { LoopPlace } from '../engine/stats/loop-blocks.ts'
import { calledBy } from './block-owners.ts'
import { mayInspect } from './may-inspect.ts'

const CROSSING =
  'Move the buffers instead of copying them, use shared memory (docs/shared-memory.md), send less, or run the next stages in the same workers (.to(workers(…)))'

/**
 * The warning about a place that blocks the event loop: whose code, where, for how long, and what
 * to do.
 */
export function warningOf(at: LoopPlace, owner: Stage | undefined, heldMs: number): string {
  const place = at.where === undefined ? '' : ` (${at.where})`
  const unseen = mayInspect()
    ? ''
    : ' (line unknown: --permission is set without --allow-inspector)'
  return `${whoseCode(at, owner)} blocked the event loop for ${Math.round(heldMs)} ms in ${at.function}${place}${unseen}. No other code of this thread ran during that time. Remedy: ${remedyFor(at, owner)}. This place is reported once; stats().blocks counts all.`
}

function whoseCode(at: LoopPlace, owner: Stage | undefined): string {
  if (at.place === 'consumer') return 'the consumer'
  if (at.place === 'other')
    return at.part === 'sending' ? 'sending items' : 'a hook of the pipeline'
  const added = owner?.info.where
  return `stage "${at.stage}"${added === undefined ? '' : `, added at ${added},`}`
}

function remedyFor({ place, part }: LoopPlace, owner: Stage | undefined): string {
  if (place === 'consumer')
    return 'move that work to a stage whose op runs in a worker thread (workerModule), await something between items, or run the pipeline in a worker (runPipelineInWorker)'
  switch (part) {
    case 'source':
      return 'await something between its items, or let the source give descriptors (paths, numbers) and do the work in a stage whose op runs in a worker thread (workerModule)'
    case 'router':
      return 'let the router read a property that a stage before it has computed in a worker thread (workerModule)'
    case 'merge':
      return 'let the merge only choose and pass on items, and do the work in a stage after it whose op runs in a worker thread (workerModule)'
    case 'aggregator':
      return 'let the aggregator only collect items, and make the batch in a stage after it whose op runs in a worker thread (workerModule)'
    case 'hook':
      return 'let the hook only record its arguments, and do the work later or in a worker thread'
    case 'crossing':
      return `the op already runs in a worker; sending its items there and back blocks the loop. ${CROSSING}`
    case 'sending':
      return `the pipeline already runs in a worker or process; copying its items blocks its loop. ${CROSSING}`
    default: {
      const name = owner === undefined ? undefined : calledBy(owner)
      const op = name === undefined || !/^[\w$]+$/.test(name) ? 'op' : name
      return `run it in a worker thread: export the op from a module and give pipe() workerModule<typeof Ops>(import.meta.resolve('./ops.js')).${op}`
    }
  }
}
