// Random chains of stages, what they must give, and a run of them that keeps a record of every
// call.
import fc from 'fast-check'
import {
  type BuildOptions,
  type ItemError,
  type Pipeline,
  PipelineBuilder,
  type StageContext,
  type StageStats,
  type TaskHook,
} from 'spindle'
import { Scheduler } from './scheduler.ts'

export type OpKind = 'sync' | 'async' | 'mixed' | 'generator' | 'asyncGenerator' | 'lateGenerator'

export interface StageSpec {
  readonly kind: OpKind
  readonly concurrency: number
  readonly buffer: number
  readonly outputOrder: 'completion' | 'input'
  /** One of so many items is dropped, fails, or fails at its first attempt; 0 for none. */
  readonly skipOneOf: number
  readonly failOneOf: number
  readonly flakyOneOf: number
  /** Whether each attempt has a time limit, which is never reached. */
  readonly hasTimeout: boolean
  /** Bound of the exit queue in bytes; each item counts for some. */
  readonly maxBytes: number | undefined
  /** Whether its input goes through batches of so many items, taken apart again; 0 for none. */
  readonly batchesOf: number
}

export interface ChainSpec {
  readonly items: number
  readonly source: 'iterable' | 'asyncIterable' | 'generator' | 'asyncGenerator'
  readonly stages: readonly StageSpec[]
  readonly sink: number
  readonly seed: number
  readonly hooks: 'none' | 'sync' | 'async'
}

const oneOf = (least: number) => fc.oneof(fc.constant(0), fc.integer({ min: least, max: 7 }))

export const stageSpec: fc.Arbitrary<StageSpec> = fc.record({
  kind: fc.constantFrom<OpKind>(
    'sync',
    'async',
    'mixed',
    'generator',
    'asyncGenerator',
    'lateGenerator',
  ),
  concurrency: fc.integer({ min: 1, max: 5 }),
  buffer: fc.integer({ min: 1, max: 4 }),
  outputOrder: fc.constantFrom('completion' as const, 'input' as const),
  skipOneOf: oneOf(2),
  failOneOf: oneOf(2),
  flakyOneOf: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 5, max: 7 })),
  hasTimeout: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  maxBytes: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 4 }),
  batchesOf: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })),
})

export const chainSpec: fc.Arbitrary<ChainSpec> = fc.record({
  items: fc.integer({ min: 0, max: 25 }),
  source: fc.constantFrom('iterable', 'asyncIterable', 'generator', 'asyncGenerator'),
  stages: fc.array(stageSpec, { minLength: 1, maxLength: 4 }),
  sink: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer(),
  hooks: fc.constantFrom('none', 'none', 'sync', 'async'),
})

/** A chain in which nothing fails, so that budgets play no part. */
export const healthyChain: fc.Arbitrary<ChainSpec> = chainSpec.map((spec) => ({
  ...spec,
  stages: spec.stages.map((stage) => ({ ...stage, failOneOf: 0 })),
}))

interface Fate {
  readonly isSkipped: boolean
  readonly isFailing: boolean
  readonly isFlaky: boolean
  /** What comes out; of an item that fails, what its generator gave before. */
  readonly outputs: readonly string[]
}

/** What becomes of an item at a stage: decided by their names alone. */
export function fateOf(item: string, stage: StageSpec, position: number): Fate {
  const isGenerator = stage.kind.endsWith('enerator')
  const hit = (oneOf: number, salt: number) =>
    oneOf > 0 && hash(`${item}/${position}/${salt}`) % oneOf === 0
  const isFailing = hit(stage.failOneOf, 1)
  const isSkipped = !isFailing && hit(stage.skipOneOf, 2)
  const isFlaky = !isFailing && hit(stage.flakyOneOf, 3)
  const count = isSkipped ? 0 : isGenerator ? hash(`${item}/${position}`) % 4 : isFailing ? 0 : 1
  const outputs = Array.from({ length: count }, (_, output) =>
    isGenerator ? `${item}.${output}` : `${item}'`,
  )
  return { isSkipped, isFailing, isFlaky, outputs }
}

export interface Expectation {
  /** Items that reach each stage, in input order; the last entry is what reaches the sink. */
  readonly inputs: readonly (readonly string[])[]
  readonly failures: readonly number[]
  readonly retries: readonly number[]
  /** Whether the order of the outputs is that of the source. */
  readonly isOrdered: boolean
}

/** What a chain must give for these items. */
export function expect(spec: ChainSpec, items: readonly string[] = names(spec.items)): Expectation {
  const inputs: string[][] = [[...items]]
  const failures: number[] = []
  const retries: number[] = []
  spec.stages.forEach((stage, position) => {
    const fates = (inputs.at(-1) ?? []).map((item) => fateOf(item, stage, position))
    failures.push(fates.filter((fate) => fate.isFailing).length)
    retries.push(fates.filter((fate) => fate.isFlaky).length)
    inputs.push(fates.flatMap((fate) => [...fate.outputs]))
  })
  const isOrdered = spec.stages.every(
    (stage) => stage.concurrency === 1 || stage.outputOrder === 'input',
  )
  return { inputs, failures, retries, isOrdered }
}

export function names(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, position) => `${prefix}${position}`)
}

interface StageRecord {
  inFlight: number
  mostInFlight: number
  taken: number
  /** Results begun and not yet dropped. */
  begun: number
  mostHeld: number
}

/** A chain, run under a scheduler. */
export class Run {
  readonly spec: ChainSpec
  readonly scheduler: Scheduler
  readonly records: StageRecord[]
  readonly failed: ItemError[] = []
  readonly buried: ItemError[] = []
  readonly pipeline: Pipeline<string>
  /** Called when a call begins. */
  onEnter: (() => void) | undefined
  opens = 0
  pulls = 0
  closes = 0

  constructor(spec: ChainSpec, options: BuildOptions = {}, continuous = false) {
    this.spec = spec
    this.scheduler = new Scheduler(spec.seed)
    this.records = spec.stages.map(() => ({
      inFlight: 0,
      mostInFlight: 0,
      taken: 0,
      begun: 0,
      mostHeld: 0,
    }))
    let builder = new PipelineBuilder().addSource<string>(this.#source(continuous), { continuous })
    spec.stages.forEach((stage, position) => {
      const { concurrency, buffer, outputOrder, batchesOf, maxBytes, hasTimeout, flakyOneOf } =
        stage
      if (batchesOf > 0) builder = builder.aggregate(batchesOf).disaggregate()
      // Options only where they are needed: without them, calls take a shorter way through the
      // engine.
      builder = builder.pipe(this.#op(stage, position) as (item: string) => string, {
        name: `stage ${position}`,
        concurrency,
        buffer,
        outputOrder,
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(hasTimeout ? { timeoutMs: 60_000 } : {}),
        ...(flakyOneOf > 0
          ? { retry: { retries: 1, minDelayMs: 1, jitter: false, shouldRetry: isFlaky } }
          : {}),
      })
    })
    this.pipeline = builder.addSink(spec.sink).build({
      maxFailures: Number.POSITIVE_INFINITY,
      onItemError: (failed) => this.failed.push(failed),
      deadLetter: (failed) => void this.buried.push(failed),
      ...(spec.hooks === 'none' ? {} : { hooks: [this.#hook()] }),
      ...options,
    })
  }

  /** The statistics of each stage of the chain, batching left out. */
  stats(): StageStats[] {
    return this.pipeline.stats().stages.filter((stage) => stage.name.startsWith('stage '))
  }

  #hook(): TaskHook {
    const pass = this.spec.hooks === 'sync' ? () => {} : () => this.scheduler.wait()
    return { onStageStart: pass, onTaskStart: pass, onTaskEnd: pass, onStageEnd: pass }
  }

  #source(continuous: boolean): () => Iterable<string> | AsyncIterable<string> {
    const { spec, scheduler } = this
    const open = () => {
      const prefix = continuous ? `e${this.opens}-` : ''
      this.opens++
      return names(spec.items, prefix)
    }
    const pull = () => void this.pulls++
    const close = () => void this.closes++
    if (spec.source === 'generator') {
      return function* () {
        try {
          for (const name of open()) {
            pull()
            yield name
          }
        } finally {
          close()
        }
      }
    }
    if (spec.source === 'asyncGenerator') {
      return async function* () {
        try {
          for (const name of open()) {
            pull()
            await scheduler.wait()
            yield name
          }
        } finally {
          close()
        }
      }
    }
    const over = { done: true, value: undefined } as const
    if (spec.source === 'iterable') {
      const iterate = (items = open().values()) => ({
        next() {
          const result = items.next()
          if (result.done) close()
          else pull()
          return result
        },
        return() {
          close()
          return over
        },
      })
      return () => ({ [Symbol.iterator]: () => iterate() })
    }
    const iterate = (items = open(), given = 0, isLeft = false, isAtEnd = false) => ({
      async next(): Promise<IteratorResult<string>> {
        if (given < items.length) pull()
        await scheduler.wait()
        if (isLeft) return over
        const value = items[given++]
        if (value !== undefined) return { done: false, value }
        isAtEnd = true
        close()
        return over
      },
      async return() {
        // The news of the end may have been on its way.
        if (isLeft || !isAtEnd) close()
        isLeft = true
        return over
      },
    })
    return () => ({ [Symbol.asyncIterator]: () => iterate() })
  }

  #op(stage: StageSpec, position: number): (item: string, context: StageContext) => unknown {
    const record = this.records[position] as StageRecord
    const { scheduler } = this
    const enter = () => {
      record.mostInFlight = Math.max(record.mostInFlight, ++record.inFlight)
      this.onEnter?.()
    }
    const begin = () => {
      record.begun++
      record.mostHeld = Math.max(
        record.mostHeld,
        record.begun - (this.records[position + 1]?.taken ?? Infinity),
      )
    }
    const check = (fate: Fate, item: string, attempt: number) => {
      if (fate.isFlaky && attempt === 1) throw new Error(`flaky ${item}`)
      if (fate.isFailing) throw new Error(`fails ${item}`)
    }
    const one = (fate: Fate, item: string, attempt: number) => {
      try {
        check(fate, item, attempt)
      } catch (error) {
        record.begun--
        throw error
      }
      if (fate.isSkipped) record.begun--
      return fate.outputs[0]
    }
    const many = function* (fate: Fate, item: string, attempt: number) {
      if (fate.isFlaky) check(fate, item, attempt)
      for (const output of fate.outputs) {
        begin()
        yield output
      }
      check(fate, item, 2)
    }
    return (item, { attempt }) => {
      const fate = fateOf(item, stage, position)
      if (attempt === 1) record.taken++
      switch (stage.kind) {
        case 'sync':
          begin()
          return one(fate, item, attempt)
        case 'async':
        case 'mixed': {
          enter()
          begin()
          const waiting = scheduler.wait()
          if (stage.kind === 'mixed' && waiting === undefined) {
            record.inFlight--
            return one(fate, item, attempt)
          }
          return (async () => {
            await waiting
            record.inFlight--
            return one(fate, item, attempt)
          })()
        }
        case 'generator':
          return (function* () {
            enter()
            try {
              yield* many(fate, item, attempt)
            } finally {
              record.inFlight--
            }
          })()
        default: {
          const generator = (async function* () {
            enter()
            try {
              for (const output of many(fate, item, attempt)) {
                await scheduler.wait()
                yield output
              }
            } finally {
              record.inFlight--
            }
          })()
          if (stage.kind === 'asyncGenerator') return generator
          return Promise.resolve(scheduler.wait()).then(() => generator)
        }
      }
    }
  }
}

function isFlaky(error: unknown): boolean {
  return String(error).includes('flaky')
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return (value ^ (value >>> 15)) >>> 0
}
