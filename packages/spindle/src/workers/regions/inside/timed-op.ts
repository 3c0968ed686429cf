import type { PipeConfig, StageConfig } from '../../../engine/config.ts'
import { subjectOf } from '../../../engine/stages/context.ts'
import type { StageContext } from '../../../engine/types.ts'
import { type GeneratorLike, isGenerator } from '../../../user-code.ts'
import type { Op } from '../../supervise/worker-modules.ts'
import { seqOf } from './input-tracker.ts'
import type { BlockingCalls } from './main-channel.ts'

/** The stages with ops that report when they block the worker, for stages with a time limit. */
export function withBlockingCalls(
  configs: readonly StageConfig[],
  blockingCalls: BlockingCalls,
): StageConfig[] {
  return configs.map((config) => {
    if (config.kind === 'variants')
      return {
        ...config,
        paths: config.paths.map((path) => withBlockingCalls(path, blockingCalls)),
      }
    if (config.kind !== 'pipe' || config.timeoutMs === undefined) return config
    return { ...config, run: timed(config.run as Op, blockingCalls) }
  })
}

function timed(op: Op, blockingCalls: BlockingCalls): PipeConfig['run'] {
  return (item: unknown, context: StageContext): unknown => {
    const { id } = context.stage
    const seq = seqOf(subjectOf(context))
    const held = <R>(call: () => R): R => {
      blockingCalls.begin(id, seq)
      try {
        return call()
      } finally {
        blockingCalls.end()
      }
    }
    const result = held(() => op(item, context))
    return isGenerator(result) ? steps(result, held) : result
  }
}

/** A generator whose steps count as calls. */
function steps(outputs: GeneratorLike, held: <R>(call: () => R) => R): GeneratorLike {
  return {
    next: () => held(() => outputs.next()),
    return: (value?: unknown) => held(() => outputs.return?.(value)),
    throw: (error: unknown) => {
      throw error
    },
    [Symbol.iterator]() {
      return this
    },
  } as GeneratorLike
}
