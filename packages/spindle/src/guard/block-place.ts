import { isInside, markOf } from '../engine/flow/current-call.ts'
import type { Graph } from '../engine/run/graph.ts'
import type { Stage } from '../engine/stages/stage.ts'
import type { LoopPart, LoopPlace } from '../engine/stats/loop-blocks.ts'
import { isOwnFile, toPath } from '../file-place.ts'
import { bestSample, isUsers, nameOf, placeOf, showFrame } from './block-frames.ts'
import { calledBy, isHookOf, isOfConsumer, mentionedBy, ownersOf, partOf } from './block-owners.ts'
import { crossingOf } from './crossings.ts'
import type { BlockMessage, LoopSample, StackFrame } from './watch-protocol.ts'

const MOST_SHOWN = 8

/** A block as one pipeline sees it. */
export interface PlacedBlock {
  readonly at: LoopPlace
  /** The stage whose code blocked the event loop. */
  readonly owner: Stage | undefined
  readonly stack: readonly string[]
  /**
   * Identifies the code, so that blocks of the same code can be compared: its function and file, or
   * the package of a library. Empty if no stack could be read.
   */
  readonly code: string
  /**
   * False if the stack alone does not tell: a stage's call may have started the code without
   * leaving a trace on the stack.
   */
  readonly isSure: boolean
}

/** The owner of a block, as far as it is known. */
interface Found {
  readonly place: LoopPlace['place']
  readonly part: LoopPart | undefined
  readonly owner: Stage | undefined
  readonly isSure: boolean
  /** What was being done, if no user function was running. */
  readonly doing?: string
}

/**
 * Finds the code that blocked the event loop. If a call had not returned, it is the call's stage.
 * Otherwise (in a timer, after an `await`, in a consumer's loop) it is the stage whose call started
 * the code, if the async context tells it. Without a context, it is the owner of the innermost
 * stack frame that belongs to the pipeline. (Functions that await the code are on the stack too.)
 * `undefined` if another pipeline started it.
 */
export function placeBlock(graph: Graph, block: BlockMessage): PlacedBlock | undefined {
  const inside = isInside(block.word)
  const sample = bestSample(block.samples, (all) => framesOfCall(all, inside).filter(isUsers))
  const all = framesOfCall(sample?.frames ?? [], inside)
  const frames = all.filter(isUsers)
  const found = inside
    ? findByMark(graph, markOf(block.word), all)
    : findOutside(graph, all, sample?.scope)
  if (found === undefined) return undefined
  const { place, part, owner, isSure } = found
  // Prefer a frame of the user's own code, which tells more than a frame deep in a library.
  const shown =
    frames.find((frame) => !isLibrarys(frame)) ?? (owner === undefined ? frames[0] : undefined)
  const at: LoopPlace = {
    place,
    part,
    stage: owner?.info.name ?? (place === 'consumer' ? 'consumer' : undefined),
    function: shown === undefined ? (found.doing ?? nativeOf(owner)) : nameOf(shown),
    where: shown === undefined ? owner?.info.where : placeOf(shown),
  }
  return {
    at,
    owner,
    stack: frames.slice(0, MOST_SHOWN).map(showFrame),
    code: codeOf(frames),
    isSure,
  }
}

/** The part of a block that the calls of one stage started. */
interface Share {
  /** Mark of the stage, if it is known. */
  readonly begunBy: number | undefined
  /** Share of the block's length, according to the samples. */
  readonly share: number
  readonly samples: readonly LoopSample[]
}

/**
 * Divides a block among the stages that started its code. In one turn of the event loop, several
 * callbacks may run one after another.
 */
export function sharesOf({ word, samples }: BlockMessage): readonly Share[] {
  const scoped = isInside(word) ? [] : samples.filter(({ scope }) => scope !== undefined)
  if (scoped.length === 0) return [{ begunBy: undefined, share: 1, samples }]
  return [...new Set(scoped.map(({ scope }) => scope))].map((begunBy) => {
    const own = scoped.filter(({ scope }) => scope === begunBy)
    return { begunBy, share: own.length / scoped.length, samples: own }
  })
}

/**
 * The frames of the call itself, if the block is inside a call. Frames below the engine's frames
 * caused the call but do not block the event loop.
 */
function framesOfCall(frames: readonly StackFrame[], inside: boolean): readonly StackFrame[] {
  const firstUsers = frames.findIndex(isUsers)
  if (!inside || firstUsers < 0) return frames
  const end = frames.findIndex(({ file }, i) => i > firstUsers && isOwnFile(toPath(file)))
  return end < 0 ? frames : frames.slice(0, end)
}

function findByMark(graph: Graph, mark: number, frames: readonly StackFrame[]): Found | undefined {
  const isSure = true
  const hooked = graph.stages.find((stage) => stage.hookMark === mark)
  if (hooked !== undefined)
    return { place: 'stage', part: 'hook', owner: hooked, isSure, doing: 'a hook' }
  const owner = graph.stages.find((stage) => stage.mark === mark)
  if (owner !== undefined) {
    const part = partOf(owner, frames)
    const doing = part === 'crossing' ? { doing: 'packing of its items' } : {}
    return { place: 'stage', part, owner, isSure, ...doing }
  }
  if (graph.hookCalls.mark === mark)
    return { place: 'other', part: 'hook', owner, isSure, doing: 'a hook' }
  if (graph.reader.mark !== mark) return undefined
  if (graph.consumers.at(-1)?.isSender !== true)
    return { place: 'consumer', part: undefined, owner, isSure }
  return {
    place: 'other',
    part: 'sending',
    owner,
    isSure,
    doing: 'packing of items for the consumer',
  }
}

function findOutside(
  graph: Graph,
  frames: readonly StackFrame[],
  scope: number | undefined,
): Found | undefined {
  const users = frames.filter(isUsers)
  // A pool serves all its users, whatever context it was created in.
  if (users.length === 0) {
    const crossing = crossingOf(graph, frames)
    if (crossing !== undefined) return { ...crossing, isSure: true }
  }
  if (scope !== undefined) return findByMark(graph, scope, frames)
  const owners = ownersOf(users, graph)
  if (owners[0] !== undefined) {
    const [owner] = owners
    return { place: 'stage', part: partOf(owner, users), owner, isSure: owners.length === 1 }
  }
  if (users.some((frame) => isHookOf(frame, graph.hookCalls.functions)))
    return { place: 'other', part: 'hook', owner: undefined, isSure: true }
  const owner = mentionedBy(users, graph)
  if (owner !== undefined)
    return { place: 'stage', part: partOf(owner, users), owner, isSure: false }
  const place = isOfConsumer(users, graph) ? 'consumer' : 'other'
  return { place, part: undefined, owner: undefined, isSure: false }
}

/**
 * The name of what a stage called if no stack could be read, because native code ran or a debugger
 * is attached.
 */
function nativeOf(owner: Stage | undefined): string {
  return (owner === undefined ? undefined : calledBy(owner)) ?? 'native code'
}

function isLibrarys({ file }: StackFrame): boolean {
  return file.includes('/node_modules/')
}

function codeOf(frames: readonly StackFrame[]): string {
  const own = frames.find((frame) => !isLibrarys(frame))
  if (own !== undefined) return `${nameOf(own)} ${own.file}`
  return /.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(frames[0]?.file ?? '')?.[0] ?? ''
}
