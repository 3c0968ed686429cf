import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Aggregator, type Pipeline, PipelineBuilder, type PipelineState } from 'spindle'
import { turns } from '../../support/gates.ts'
import { Scheduler } from '../../support/scheduler.ts'
import { tries } from '../../support/tries.ts'

const runs = {
  numRuns: tries(30),
  interruptAfterTimeLimit: 3_600_000,
  markInterruptAsFailure: true,
}
const sorted = (items: readonly string[]) => items.toSorted()

type Step =
  | { readonly kind: 'map' | 'fan'; readonly concurrency: number; readonly isOrdered: boolean }
  | { readonly kind: 'filter' | 'fail' }
  | { readonly kind: 'aggregate' | 'buckets'; readonly size: number; readonly dropLast: boolean }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'split' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('map' as const, 'fan' as const),
    concurrency: fc.integer({ min: 1, max: 4 }),
    isOrdered: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom('filter' as const, 'fail' as const) }),
  fc.record({
    kind: fc.constantFrom('aggregate' as const, 'buckets' as const),
    size: fc.integer({ min: 1, max: 4 }),
    dropLast: fc.constant(false),
  }),
  fc.constantFrom({ kind: 'flatten' as const }, { kind: 'split' as const }),
)

const spec = fc.record({
  items: fc.integer({ min: 0, max: 20 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step, { maxLength: 6 }),
  seed: fc.integer(),
  span: fc.constantFrom(1, 3, 4096),
})
type Spec = typeof spec extends fc.Arbitrary<infer S> ? S : never

type Value = string | Value[]
const leavesOf = (value: Value): string[] =>
  typeof value === 'string' ? [value] : value.flatMap(leavesOf)
const hash = (text: string): number =>
  [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) | 0, 7) >>> 0
const drops = (value: Value): boolean => typeof value === 'string' && hash(value) % 4 === 0
const fails = (value: Value): boolean => typeof value === 'string' && hash(value) % 5 === 0
const outputsOf = (value: string): string[] =>
  Array.from({ length: hash(value) % 4 }, (_, i) => `${value}.${i}`)

/** Two batches at a time. */
class Buckets implements Aggregator<Value, Value[]> {
  readonly #size: number
  readonly #buckets: Value[][] = [[], []]

  constructor(size: number) {
    this.#size = size
  }

  accumulate(item: Value): Value[] | undefined {
    const at = hash(leavesOf(item).join()) % 2
    const bucket = this.#buckets[at] as Value[]
    bucket.push(item)
    if (bucket.length < this.#size) return undefined
    this.#buckets[at] = []
    return bucket
  }

  flush(): Value[] | undefined {
    const rest = this.#buckets.flat(1)
    this.#buckets[0] = []
    this.#buckets[1] = []
    return rest.length === 0 ? undefined : rest
  }
}

function build(one: Spec, scheduler: Scheduler, state: PipelineState | undefined): Pipeline<Value> {
  const source = function* ({ epoch, position }: { epoch: number; position: number }) {
    for (let i = position; i < one.items; i++) yield `e${epoch}:${i}` as Value
  }
  const isContinuous = one.epochs > 1
  let builder = new PipelineBuilder().addSource(source, {
    continuous: isContinuous,
    resume: 'seek',
  })
  for (const { kind, ...of } of one.steps) {
    const options = {
      concurrency: 'concurrency' in of ? of.concurrency : 1,
      outputOrder: 'isOrdered' in of && of.isOrdered ? ('input' as const) : ('completion' as const),
    }
    if (kind === 'map') {
      builder = builder.pipe(async (value: Value) => {
        await scheduler.wait()
        return value
      }, options) as typeof builder
    } else if (kind === 'fan') {
      builder = builder.pipe(async function* (value: Value) {
        for (const output of typeof value === 'string' ? outputsOf(value) : [value]) {
          await scheduler.wait()
          yield output as Value
        }
      }, options) as typeof builder
    } else if (kind === 'filter')
      builder = builder.pipe((value: Value) => (drops(value) ? undefined : value)) as typeof builder
    else if (kind === 'fail') {
      builder = builder.pipe((value: Value) => {
        if (fails(value)) throw new Error('on purpose')
        return value
      }) as typeof builder
    } else if (kind === 'aggregate' && 'size' in of)
      builder = builder.aggregate(of.size) as unknown as typeof builder
    else if (kind === 'buckets' && 'size' in of)
      builder = builder.aggregate(() => new Buckets(of.size)) as unknown as typeof builder
    else if (kind === 'flatten') {
      builder = builder.pipe(function* (value: Value) {
        if (typeof value === 'string') yield value
        else yield* value
      }) as typeof builder
    } else if (kind === 'split') {
      const lists = builder.pipe((value: Value) => (typeof value === 'string' ? [value] : value))
      const pass = (path: PipelineBuilder<Value[]>) =>
        path.pipe(async (values: Value[]) => {
          await scheduler.wait()
          return values
        })
      builder = lists.pathVariants(
        (values: Value[]) => values.map((value) => hash(leavesOf(value).join()) % 2),
        [pass, pass],
        {
          batched: true,
        } as never,
      ) as unknown as typeof builder
    }
  }
  return builder.build({
    maxFailures: Number.POSITIVE_INFINITY,
    resumable: { commit: 'explicit', span: one.span },
    ...(state === undefined ? {} : { state }),
  })
}

/** The leaves of all that comes of one epoch: batches do not change what is in them. */
function expectEpoch({ items, steps }: Spec, epoch: number): string[] {
  let values = Array.from({ length: items }, (_, i) => `e${epoch}:${i}`)
  let isBatch = false
  for (const { kind } of steps) {
    if (kind === 'aggregate' || kind === 'buckets' || kind === 'split') isBatch = true
    else if (kind === 'flatten') isBatch = false
    else if (kind === 'fan' && !isBatch) values = values.flatMap(outputsOf)
    else if (kind === 'filter' && !isBatch) values = values.filter((value) => !drops(value))
    else if (kind === 'fail' && !isBatch) values = values.filter((value) => !fails(value))
  }
  return values
}

/** A chain in which batches are flat or not, so that what is expected is plain. */
const isPlain = ({ steps }: Spec): boolean => {
  let depth = 0
  for (const { kind } of steps) {
    if (kind === 'aggregate' || kind === 'buckets') depth++
    else if (kind === 'flatten') depth = Math.max(0, depth - 1)
    else if (kind === 'split' && depth === 0) depth = 1
    if (depth > 1) return false
  }
  return true
}

describe('whenever a run with batches crashes, the next ones give what was not committed, once', () => {
  it('whatever of a batch was committed, in whatever order', async () => {
    const crashes = fc.array(fc.record({ taken: fc.nat(7), turns: fc.nat(3) }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(spec.filter(isPlain), crashes, async (one, stops) => {
        const committed: string[] = []
        let state: PipelineState | undefined
        for (const stop of [...stops, { taken: Number.POSITIVE_INFINITY, turns: 0 }]) {
          const scheduler = new Scheduler(one.seed)
          const pipeline = build(one, scheduler, state)
          const isOver = await scheduler.drive(async () => {
            const held: Value[] = []
            const commit = (at: number): void => {
              const [value] = held.splice(at % held.length, 1)
              pipeline.commit(value as Value)
              committed.push(...leavesOf(value as Value))
            }
            let epoch = state?.sources[0]?.epochs[0]?.epoch ?? 0
            let taken = 0
            while (epoch < one.epochs && taken < stop.taken) {
              const result = await pipeline.getItem()
              if (result.done === true) {
                epoch++
                continue
              }
              taken++
              held.push(result.value)
              if (held.length === 3) commit(taken)
            }
            if (epoch === one.epochs) while (held.length > 0) commit(0)
            await turns(stop.turns)
            state = JSON.parse(JSON.stringify(pipeline.state()))
            await pipeline.stop()
            return epoch === one.epochs
          })
          if (isOver) break
        }
        const expected = Array.from({ length: one.epochs }, (_, epoch) =>
          expectEpoch(one, epoch),
        ).flat()
        // The source may have run ahead into epochs that nobody asked for, but nothing of them was
        // given.
        assert.deepEqual(sorted(committed), sorted(expected))
      }),
      runs,
    )
  })
})
