import { resolve } from 'node:path'
import { CustomMergeStage } from '../engine/routing/custom-merge-stage.ts'
import { RouterStage } from '../engine/routing/router-stage.ts'
import type { Graph } from '../engine/run/graph.ts'
import { AggregateStage } from '../engine/stages/aggregate-stage.ts'
import { SourceStage } from '../engine/stages/source-stage.ts'
import type { Stage } from '../engine/stages/stage.ts'
import type { LoopPart } from '../engine/stats/loop-blocks.ts'
import { toPath } from '../file-place.ts'
import { isUsers } from './block-frames.ts'
import { type Added, type Code, isFrameOf } from './function-places.ts'
import type { StackFrame } from './watch-protocol.ts'

/** Shorter names, which minifiers make, are ambiguous. */
const SHORTEST_NAME = 3
const hookNames = ['onStageStart', 'onStageEnd', 'onTaskStart', 'onTaskEnd'] as const

/**
 * The stages that own the innermost stack frame which belongs to any stage. Several, if they share
 * the function.
 */
export function ownersOf(frames: readonly StackFrame[], graph: Graph): readonly Stage[] {
  for (const frame of frames) {
    const owners = graph.stages.filter((stage) =>
      [...codeOf(stage), ...hooksOf(stage)].some((code) =>
        isFrameOf(frame, code, addedAt(stage.info.where)),
      ),
    )
    if (owners.length > 0) return owners
  }
  return []
}

/**
 * Finds the stage by name if its code is not on the stack, which happens when a promise is returned
 * and not awaited (`return helper(item)`). If the code of exactly one stage mentions the function's
 * name, that stage is the result.
 */
export function mentionedBy(frames: readonly StackFrame[], graph: Graph): Stage | undefined {
  const name = frames.at(-1)?.function.split('.').at(-1) ?? ''
  if (name.length < SHORTEST_NAME) return undefined
  const speaks = graph.stages.filter((stage) =>
    [...codeOf(stage), ...hooksOf(stage)].some((code) =>
      Function.prototype.toString
        .call(code)
        .split(/[^\w$]+/)
        .includes(name),
    ),
  )
  return speaks.length === 1 ? speaks[0] : undefined
}

/** The kind of the stage's code. */
export function partOf(stage: Stage, frames: readonly StackFrame[]): LoopPart {
  const users = frames.filter(isUsers)
  if (users.some((frame) => isHookOf(frame, hooksOf(stage)))) return 'hook'
  if (stage instanceof SourceStage) return 'source'
  if (stage instanceof RouterStage) return 'router'
  if (stage instanceof CustomMergeStage) return 'merge'
  if (stage instanceof AggregateStage) return 'aggregator'
  return stage.runsElsewhere ? 'crossing' : 'op'
}

/**
 * Whether a frame belongs to one of the listening functions, or to a method of an object among
 * them.
 */
export function isHookOf(frame: StackFrame, hooks: readonly unknown[]): boolean {
  return hooks
    .flatMap((hook) => (typeof hook === 'function' ? [hook as Code] : methodsOf(hook)))
    .some((code) => isFrameOf(frame, code, undefined))
}

function methodsOf(object: unknown): Code[] {
  if (typeof object !== 'object' || object === null) return []
  const named = object as Readonly<Record<string, unknown>>
  return ['write', 'warn', 'error'].flatMap((name) =>
    typeof named[name] === 'function' ? [named[name] as Code] : [],
  )
}

export function isOfConsumer(frames: readonly StackFrame[], graph: Graph): boolean {
  return graph.consumers.some(({ code, caller }) =>
    frames.some((frame) => {
      if (code !== undefined && isFrameOf(frame, code as Code, undefined)) return true
      return (
        caller !== undefined &&
        caller.file === toPath(frame.file) &&
        caller.function === frame.function
      )
    }),
  )
}

/** The name of the function that a stage calls, for blocks without a stack. */
export function calledBy(stage: Stage): string | undefined {
  const name = codeOf(stage)[0]?.name
  return name === '' ? 'anonymous function' : name
}

function addedAt(where: string | undefined): Added | undefined {
  const parts = /^(.*):(\d+)$/.exec(where ?? '')
  return parts === null ? undefined : { file: resolve(parts[1] as string), line: Number(parts[2]) }
}

function hooksOf({ hooks }: Stage): Code[] {
  return hooks.flatMap((hook) => hookNames.flatMap((name) => functionsOf(hook[name])))
}

/** The user functions that a stage calls. */
function codeOf({ code }: Stage): Code[] {
  return functionsOf(code)
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
  return methods.flatMap((name) =>
    typeof object[name] === 'function' ? [object[name] as Code] : [],
  )
}
