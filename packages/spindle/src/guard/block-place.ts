import { resolve } from 'node:path'
import type { Graph } from '../engine/graph.ts'
import type { LoopPlace } from '../engine/loop-blocks.ts'
import { isInside, markOf } from '../engine/marker.ts'
import type { Stage } from '../engine/stage.ts'
import { isOwnFile, shorter, toPath } from '../file-place.ts'
import { type Added, type Code, isFrameOf } from './function-places.ts'
import { sourceLineOf } from './source-line.ts'
import type { BlockMessage, Frame, LoopSample } from './watch-protocol.ts'

const MOST_SHOWN = 8
/** Names of fewer letters, as minifiers make them, say nothing. */
const SHORTEST_NAME = 3
const hookNames = ['onStageStart', 'onStageEnd', 'onTaskStart', 'onTaskEnd'] as const

/** A block as one pipeline sees it. */
export interface PlacedBlock {
  readonly at: LoopPlace
  /** The stage whose code it was. */
  readonly owner: Stage | undefined
  readonly stack: readonly string[]
}

/**
 * Whose code held the loop: of a call that had not come back, the stage it was made for. Otherwise (after an `await`, in a consumer's loop) the
 * owner of the innermost function on the stack that belongs to the pipeline; functions that await it are on the stack as well.
 * `undefined` if it happened inside a call of another pipeline.
 */
export function placeBlock(graph: Graph, block: BlockMessage): PlacedBlock | undefined {
  const inside = isInside(block.word)
  const frames = bestStack(block.samples.map((sample) => usersFrames(sample, inside)))
  const own = frames.filter(({ file }) => !file.includes('/node_modules/'))
  const shown = own[0] ?? frames[0]
  const stack = frames.slice(0, MOST_SHOWN).map(showFrame)
  const mark = markOf(block.word)
  let owner = inside ? graph.stages.find((stage) => stage.mark === mark) : undefined
  let isConsumer = inside && graph.outlet.mark === mark
  if (inside && owner === undefined && !isConsumer) return undefined
  if (!inside) {
    owner = ownerOf(frames, graph)
    isConsumer = owner === undefined && isOfConsumer(frames, graph)
  }
  const called = shown === undefined ? calledBy(owner) : undefined
  const at: LoopPlace = {
    place: owner !== undefined ? 'stage' : isConsumer ? 'consumer' : 'other',
    stage: owner?.info.name ?? (isConsumer ? 'consumer' : undefined),
    function: shown === undefined ? (called ?? 'native code') : nameOf(shown),
    where: shown === undefined ? owner?.info.where : placeOf(shown),
  }
  return { at, owner, stack }
}

/** The stack that shows what most of them do: one may have been read late, when the block was just over. */
function bestStack(stacks: readonly (readonly Frame[])[]): readonly Frame[] {
  const places = stacks.map(([frame]) =>
    frame === undefined ? '' : `${frame.function} ${frame.file}:${frame.line}`,
  )
  let best: readonly Frame[] = []
  let most = 0
  for (const [i, place] of places.entries()) {
    const count = place === '' ? 0 : places.filter((other) => other === place).length
    if (count > most) [best, most] = [stacks[i] as readonly Frame[], count]
  }
  return best
}

/** The user's frames; inside a call only those of the call: whoever stands below the engine has caused it, but does not hold the loop. */
function usersFrames({ frames }: LoopSample, inside: boolean): readonly Frame[] {
  const end = inside ? frames.findIndex(({ file }) => isOwnFile(toPath(file))) : -1
  return (end < 0 ? frames : frames.slice(0, end)).filter(isUsers)
}

function isUsers({ file }: Frame): boolean {
  return file !== '' && !file.startsWith('node:') && !isOwnFile(toPath(file))
}

function ownerOf(frames: readonly Frame[], graph: Graph): Stage | undefined {
  for (const frame of frames) {
    const owner = graph.stages.find((stage) =>
      codeOf(stage).some((code) => isFrameOf(frame, code, addedAt(stage.info.where))),
    )
    if (owner !== undefined) return owner
  }
  return callerOf(frames, graph)
}

/**
 * Where a function was returned rather than awaited (`return helper(item)`), its caller is not on the stack. If the code of a single stage
 * speaks of it, it is taken to be that stage's.
 */
function callerOf(frames: readonly Frame[], graph: Graph): Stage | undefined {
  const name = frames.at(-1)?.function.split('.').at(-1) ?? ''
  if (name.length < SHORTEST_NAME) return undefined
  const speaks = graph.stages.filter((stage) =>
    codeOf(stage).some((code) =>
      Function.prototype.toString
        .call(code)
        .split(/[^\w$]+/)
        .includes(name),
    ),
  )
  return speaks.length === 1 ? speaks[0] : undefined
}

function addedAt(where: string | undefined): Added | undefined {
  const parts = /^(.*):(\d+)$/.exec(where ?? '')
  return parts === null ? undefined : { file: resolve(parts[1] as string), line: Number(parts[2]) }
}

function isOfConsumer(frames: readonly Frame[], graph: Graph): boolean {
  return graph.consumers.some(({ code, caller }) =>
    frames.some((frame) => {
      if (code !== undefined && isFrameOf(frame, code as Code, undefined)) return true
      return caller !== undefined && caller.file === toPath(frame.file) && caller.function === frame.function
    }),
  )
}

/** The user's functions that a stage calls. */
function codeOf(stage: Stage): Code[] {
  const { code, hooks } = stage
  return [
    ...functionsOf(code),
    ...hooks.flatMap((hook) => hookNames.flatMap((name) => functionsOf(hook[name]))),
  ]
}

const methods = [
  Symbol.asyncIterator,
  Symbol.iterator,
  'next',
  'return',
  'accumulate',
  'flush',
  'pull',
  'read',
] as const

function functionsOf(code: unknown): Code[] {
  if (typeof code === 'function') return [code as Code]
  if (typeof code !== 'object' || code === null) return []
  const object = code as Readonly<Record<string | symbol, unknown>>
  return methods.flatMap((name) => (typeof object[name] === 'function' ? [object[name] as Code] : []))
}

/** What a stage called when no stack could be read: native code ran, or a debugger is attached. */
function calledBy(owner: Stage | undefined): string | undefined {
  const name = functionsOf(owner?.code)[0]?.name
  return name === '' ? 'anonymous function' : name
}

/** V8 makes names like `builder.pipe.map` up for functions without one, from what stands about them. */
function nameOf({ function: name }: Frame): string {
  const last = /^(?:module\.)?(?:exports\.)?([^.]+)$/.exec(name)?.[1]
  return last ?? 'anonymous function'
}

/** `function (file:line)`. */
function showFrame(frame: Frame): string {
  return `${frame.isAsync ? 'async ' : ''}${nameOf(frame)} (${placeOf(frame)})`
}

/** `file:line` in the source: by the map beside the script, or by the one that a loader such as tsx made. */
function placeOf({ file, line, column, source }: Frame): string {
  if (source !== undefined) return `${shorter(toPath(source.file))}:${source.line}`
  return `${shorter(toPath(file))}:${sourceLineOf(file, line, column)}`
}
