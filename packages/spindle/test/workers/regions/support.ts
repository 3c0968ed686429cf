import { type PipelineBuilder, workerModule } from 'spindle'
import type * as Deadly from './fixtures/deadly.ts'
import type * as Ops from './fixtures/ops.ts'

export const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/ops.js'))
export const deadly = workerModule<typeof Deadly>(import.meta.resolve('./fixtures/deadly.js'))

export const kinds = ['thread', 'process'] as const

export const byNumber = (a: number, b: number): number => a - b

/** Items in an order of their own, to compare as a multiset. */
export function sorted<T>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => {
    const [one, other] = [JSON.stringify(a), JSON.stringify(b)]
    return one < other ? -1 : one > other ? 1 : 0
  })
}

export type Numbers = PipelineBuilder<number>
