import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type BuildOptions,
  MAIN,
  merge,
  mergeStates,
  PipelineBuilder,
  type PipelineState,
  runPipelineInWorker,
  type SeekableSource,
  workers,
} from 'spindle'
import { collect, take } from '../../support/consume.ts'
import { turns } from '../../support/gates.ts'
import { range } from '../../support/sources.ts'
import { tries } from '../../support/tries.ts'
import { ops } from '../../workers/regions/support.ts'

const explicit = { resumable: { commit: 'explicit' } } as const
const over = (state: PipelineState): PipelineState => JSON.parse(JSON.stringify(state))
const code = (expected: string, message: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, expected)
  assert.match(error.message, message)
  return true
}

/** Numbers from 0, of which a rank has its share. */
class Numbers implements SeekableSource<number> {
  readonly size: number
  readonly shard: { readonly rank: number; readonly worldSize: number }
  readonly description: { readonly size: number; readonly kind: string }
  begins: number[] = []

  constructor(size: number, rank = 0, worldSize = 1) {
    this.size = size
    this.shard = { rank, worldSize }
    this.description = { kind: 'numbers', size }
  }

  *iterateFrom(position: number, epoch: number): Generator<number> {
    const { rank, worldSize } = this.shard
    this.begins.push(position)
    for (let at = position; at < this.size; at++)
      if (at % worldSize === rank) yield epoch * 1000 + at
  }
}

describe('a pipeline that can be resumed', () => {
  it('goes on where it was, as told by JSON', async () => {
    const builder = new PipelineBuilder().addSource(range(10)).pipe((n) => n * 2)
    const first = builder.build({ resumable: true })
    assert.deepEqual(await take(first, 4), [0, 2, 4, 6])
    const state = first.state()
    await first.stop()
    // The fourth was given, and nobody has asked for the fifth.
    const second = builder.build({ resumable: true, state: over(state) })
    assert.deepEqual(await collect(second), [6, 8, 10, 12, 14, 16, 18])
    assert.deepEqual(
      await collect(builder.build({ resumable: true, state: over(second.state()) })),
      [],
    )
  })

  it('counts an item that was left by break as done when the next is asked for', async () => {
    const pipeline = new PipelineBuilder().addSource(range(5)).build({ resumable: true })
    await take(pipeline, 2)
    assert.equal(pipeline.state().sources[0]?.epochs[0]?.low, 1)
    await take(pipeline, 1)
    assert.equal(pipeline.state().sources[0]?.epochs[0]?.low, 2)
    await pipeline.stop()
  })

  it('commits what forEach was called with, unless it threw', async () => {
    const builder = new PipelineBuilder().addSource(range(6))
    const pipeline = builder.build({ resumable: true })
    const seen: number[] = []
    await assert.rejects(
      pipeline.forEach(async (n) => {
        await turns(1)
        if (n === 3) throw new Error('in the midst of it')
        seen.push(n)
      }),
    )
    const state = over(pipeline.state())
    await pipeline.stop()
    assert.deepEqual(await collect(builder.build({ resumable: true, state })), [3, 4, 5])
  })

  it('makes a failed item of a failed run again, and one that was endured not', async () => {
    let isBroken = true
    const builder = new PipelineBuilder().addSource(range(6)).pipe(
      (n) => {
        if (n === 1 || (n === 3 && isBroken)) throw new Error(`fails ${n}`)
        return n
      },
      { maxFailures: 1 },
    )
    const pipeline = builder.build({ resumable: true })
    const seen: number[] = []
    await assert.rejects(
      pipeline.forEach((n) => void seen.push(n)),
      { code: 'ERR_PIPELINE_FAILED' },
    )
    assert.deepEqual(seen, [0, 2])
    const state = over(pipeline.state())
    assert.equal(state.failures, 2)
    isBroken = false
    assert.deepEqual(await collect(builder.build({ resumable: true, state })), [3, 4, 5])
  })

  it('gives the same batches in input order, to the bit', async () => {
    const builder = new PipelineBuilder()
      .addSource(range(40))
      .pipe(
        async (n, { rng }) => {
          await turns(rng.int(3))
          return n % 7 === 0 ? undefined : n + rng.next()
        },
        { concurrency: 4, outputOrder: 'input' },
      )
      .aggregate(6)
    const whole = await collect(builder.build({ seed: 5 }))
    const parts: number[][] = []
    let state: PipelineState | undefined
    for (const count of [2, 1, 1, 99]) {
      const pipeline = builder.build({
        seed: 5,
        ...explicit,
        ...(state === undefined ? {} : { state }),
      })
      for (const batch of await take(pipeline, count)) {
        pipeline.commit(batch)
        parts.push(batch)
      }
      state = over(pipeline.state())
      await pipeline.stop()
    }
    assert.deepEqual(parts, whole)
  })

  it('begins at the first position that is not done, at once', async () => {
    const source = new Numbers(1e9)
    const builder = new PipelineBuilder().addSource(source)
    const state = {
      ...builder.build({ resumable: true }).state(),
      sources: [
        {
          dataset: source.description,
          epochs: [{ epoch: 3, low: 999_999_990, done: [999_999_992, 999_999_998] }],
        },
      ],
    }
    assert.deepEqual(
      await collect(builder.build({ resumable: true, state })),
      [1_000_002_990, 1_000_002_991, 1_000_002_999],
    )
    assert.deepEqual(source.begins, [999_999_990])
  })

  it('holds the source back when an item is stuck, and only then', async () => {
    let release = (): void => {}
    const stuck = new Promise<void>((resolve) => {
      release = resolve
    })
    let pulled = 0
    const source = function* () {
      for (; pulled < 1000; ) yield pulled++
    }
    const pipeline = new PipelineBuilder()
      .addSource(source, { resume: 'skip' })
      .pipe(
        async (n) => {
          if (n === 2) await stuck
          return n
        },
        { concurrency: 4 },
      )
      .build({ resumable: { span: 20 } })
    const seen: number[] = []
    const done = pipeline.forEach((n) => void seen.push(n))
    await turns(300)
    assert.equal(pulled, 22)
    assert.equal(seen.length, 21)
    release()
    await done
    assert.equal(seen.length, 1000)
    // Held by an aggregator, or by the consumer, is not stuck.
    const batches = new PipelineBuilder()
      .addSource(range(100))
      .aggregate(50)
      .build({ resumable: { span: 1, commit: 'explicit' } })
    assert.equal((await collect(batches)).length, 2)
  })

  it('goes on in the epoch in which it was, and keeps its number', async () => {
    const builder = new PipelineBuilder().addSource(new Numbers(4), { continuous: true })
    const first = builder.build({ resumable: true })
    assert.deepEqual(await collect(first), [0, 1, 2, 3])
    assert.deepEqual(await take(first, 2), [1000, 1001])
    const state = over(first.state())
    await first.stop()
    const second = builder.build({ resumable: true, state })
    assert.deepEqual(await collect(second), [1001, 1002, 1003])
    assert.deepEqual(await collect(second), [2000, 2001, 2002, 2003])
    await second.stop()
  })

  it('counts a failed item as done when its dead letter is delivered, and not before', async () => {
    let deliver = (): void => {}
    const delivered = new Promise<void>((resolve) => {
      deliver = resolve
    })
    const builder = new PipelineBuilder().addSource(range(4)).pipe((n) => {
      if (n === 1) throw new Error('on purpose')
      return n
    })
    const options = { maxFailures: 9, deadLetter: () => delivered, resumable: true } as const
    const pipeline = builder.build(options)
    assert.deepEqual(await take(pipeline, 3), [0, 2, 3])
    const before = over(pipeline.state())
    assert.deepEqual(before.sources[0]?.epochs[0], { epoch: 0, low: 1, done: [2, 2], end: 4 })
    deliver()
    assert.deepEqual(await collect(pipeline), [])
    assert.equal(pipeline.state().sources[0]?.epochs[0]?.low, 4)
    // As if it had crashed before: the item fails again, and its letter is written then.
    const letters: unknown[] = []
    const again = builder.build({
      ...options,
      state: before,
      deadLetter: ({ item }) => void letters.push(item),
    })
    assert.deepEqual(await collect(again), [3])
    assert.deepEqual(letters, [1])
  })

  it('in a worker tells its state to a consumer that never waits', async () => {
    const href = import.meta.resolve('./fixtures/chains.js')
    const args = {
      items: 12,
      order: 'input',
      isSpread: false,
      batch: 2,
      isShuffled: false,
      placement: 'worker',
    }
    const given: string[] = []
    let state: PipelineState | undefined
    for (const count of [2, 1, 9]) {
      const build = { resumable: true, ...(state === undefined ? {} : { state }) }
      await using loader = runPipelineInWorker<string[]>(href, { args, build })
      let taken = 0
      for (const batch of loader) {
        given.push(...batch)
        loader.commit(batch)
        if (++taken === count) break
      }
      state = over(loader.state())
    }
    assert.deepEqual(
      given,
      range(12).map((n) => `${n};`),
    )
  })

  it('in a worker that is held tells nothing within a limit, and later what is true then', async () => {
    const href = import.meta.resolve('./fixtures/holding.js')
    const build = { resumable: { commit: 'explicit' } } as const
    await using loader = runPipelineInWorker<number>(href, { build, bufferSize: 1 })
    const given: number[] = []
    for (const n of loader) {
      given.push(n)
      if (n === 1) break
    }
    loader.commit(0)
    // The worker side is at its third item, or will be in a moment.
    const isHeld = () => {
      try {
        loader.state({ timeoutMs: 20 })
        return false
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ERR_TIMEOUT')
        return true
      }
    }
    while (!isHeld());
    loader.commit(1)
    assert.equal(loader.state().sources[0]?.epochs[0]?.low, 2)
    assert.deepEqual(given, [0, 1])
  })

  it('knows what was given to its consumer', async () => {
    const pipeline = new PipelineBuilder().addSource(['a', 'a', 'b']).build(explicit)
    assert.deepEqual(await take(pipeline, 2), ['a', 'a'])
    const bad = code('ERR_BAD_COMMIT', /the same object that the pipeline has delivered.*got 'b'/)
    assert.throws(() => pipeline.commit('b'), bad)
    pipeline.commit('a')
    pipeline.commit('a')
    assert.throws(() => pipeline.commit('a'), { code: 'ERR_BAD_COMMIT' })
    await pipeline.stop()
    const plain = new PipelineBuilder().addSource([1]).build()
    assert.throws(() => plain.state(), code('ERR_BAD_STATE', /build it with `resumable: true`/))
    assert.throws(() => plain.commit(1), { code: 'ERR_BAD_STATE' })
  })
})

describe('what cannot be resumed is refused when it is built', () => {
  const refuses = (build: () => unknown, message: RegExp) =>
    assert.throws(build, code('ERR_NOT_RESUMABLE', message))

  it('sources that begin at their start only', () => {
    const from = (source: Iterable<number> | (() => Iterable<number>)) => () =>
      new PipelineBuilder().addSource(source).build({ resumable: true })
    refuses(
      from([1, 2].values()),
      /source "source" cannot be resumed: it is an iterator.*which can be iterated only once \(.*resume.test.ts/,
    )
    refuses(from(new Set([1])), /give a SeekableSource or an array, or .*resume: 'skip'/)
    refuses(
      from(() => [1]),
      /it is a function: .*`context.position`.*resume: 'seek'/,
    )
  })

  it('merges by an op, and batches of a region that are taken apart', () => {
    const one = new PipelineBuilder().addSource([1])
    const op = async function* (inputs: readonly AsyncIterable<unknown>[]) {
      for (const input of inputs) yield* input
    }
    refuses(
      () => merge(one, { op }).build({ resumable: true }),
      /the outputs of the op of merge "merge" cannot be traced/,
    )
    const apart = one
      .to(workers({ count: 1 }))
      .aggregate(2)
      .to(MAIN)
      .disaggregate()
    refuses(() => apart.build({ resumable: true }), /splits batches that were made inside a region/)
  })

  it('batches of a region that give several items, as soon as they do', async () => {
    const builder = new PipelineBuilder()
      .addSource(range(6))
      .to(workers({ count: 1 }))
      .aggregate(2)
      .pipe(ops.reverse)
      .to(MAIN)
    const several = builder.pipe(function* (batch) {
      yield* batch
    })
    await assert.rejects(
      collect(several.build({ resumable: true })),
      code('ERR_NOT_RESUMABLE', /inside a region was taken apart/),
    )
  })

  it('batches of an aggregator that does not tell what is in them', async () => {
    /** Sums of even and of odd numbers: a sum says nothing of what else is held. */
    class Sums {
      #sums = [0, 0]
      #counts = [0, 0]
      accumulate(n: number): { sum: number } | undefined {
        const at = n % 2
        this.#sums[at] = (this.#sums[at] as number) + n
        this.#counts[at] = (this.#counts[at] as number) + 1
        if ((this.#counts[at] as number) < 2) return undefined
        this.#counts[at] = 0
        return { sum: this.#sums[at] as number }
      }
      flush(): undefined {}
    }
    class Stack {
      #held: number[] = []
      accumulate(n: number): { data: number[] } | undefined {
        this.#held.push(n)
        return this.#held.length < 2 ? undefined : { data: this.#held.splice(0) }
      }
      flush(): { data: number[] } | undefined {
        return this.#held.length === 0 ? undefined : { data: this.#held.splice(0) }
      }
      hasRest(): boolean {
        return this.#held.length > 0
      }
    }
    const source = new PipelineBuilder().addSource(range(6))
    await assert.rejects(
      collect(source.aggregate(() => new Sums()).build({ resumable: true })),
      code('ERR_NOT_RESUMABLE', /a batch that is not an array of its items.*`hasRest\(\)`/),
    )
    assert.equal(
      (await collect(source.aggregate(() => new Stack()).build({ resumable: true }))).length,
      3,
    )
  })

  it('states that were cut short or edited, naming the place', () => {
    const builder = new PipelineBuilder().addSource([1, 2])
    const state = builder.build({ resumable: true }).state()
    const bad = (edit: (copy: never) => unknown, message: RegExp) => {
      const copy = JSON.parse(JSON.stringify(state))
      edit(copy as never)
      assert.throws(
        () => builder.build({ resumable: true, state: copy }),
        code('ERR_BAD_OPTION', message),
      )
    }
    type Loose = { sources: { epochs: { [name: string]: unknown }[] }[]; [name: string]: unknown }
    bad((copy: Loose) => (copy.seed = 'x'), /`state.seed` must be an integer, got 'x'/)
    bad(
      (copy: Loose) => ((copy.sources[0] as { epochs: unknown }).epochs = []),
      /sources\[0\].epochs` must be an array that is not/,
    )
    const epoch = (copy: Loose) => copy.sources[0]?.epochs[0] as { [name: string]: unknown }
    bad((copy: Loose) => (epoch(copy).low = -1), /epochs\[0\].low` must be an integer >= 0, got -1/)
    bad(
      (copy: Loose) => (epoch(copy).done = [4, 3]),
      /epochs\[0\].done` must be first and last positions/,
    )
    bad((copy: Loose) => (epoch(copy).parts = { 0: [1] }), /parts\[0\]` must be an array of texts/)
    bad((copy: Loose) => (copy.batches = [{}]), /batches\[0\].aggregate` must be an integer/)
    assert.throws(() => mergeStates(undefined as never), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => mergeStates([]), { code: 'ERR_BAD_OPTION' })
    assert.throws(
      () => builder.addSource.call(new PipelineBuilder(), [1], { dataset: (() => 1) as never }),
      code('ERR_BAD_OPTION', /`dataset` must be what JSON can say/),
    )
  })

  it('options and states that make no sense', () => {
    const builder = new PipelineBuilder().addSource([1])
    const bad = (options: object, message: RegExp) =>
      assert.throws(() => builder.build(options as BuildOptions), code('ERR_BAD_OPTION', message))
    bad({ resumable: 1 }, /`resumable` must be a boolean or an object/)
    bad({ resumable: { commit: 'never' } }, /`commit` must be 'auto' or 'explicit'/)
    bad({ resumable: { span: 0 } }, /`span` must be an integer >= 1/)
    bad({ resumable: { spam: 0 } }, /unknown option `spam`/)
    bad({ state: {} }, /`state` is given, so `resumable` must be true/)
    bad({ resumable: true, state: 'x' }, /`state` must be what `pipeline.state\(\)` gave/)
  })

  it('states of another graph, seed, dataset or release, naming what differs', () => {
    const make = (size: number) =>
      new PipelineBuilder().addSource(new Numbers(size)).pipe((n) => n, { name: 'a' })
    const state = make(5).build({ resumable: true }).state()
    const refuses = (builder: PipelineBuilder<number>, options: BuildOptions, message: RegExp) =>
      assert.throws(
        () => builder.build({ resumable: true, state, ...options }),
        code('ERR_OTHER_STATE', message),
      )
    refuses(
      make(5).pipe((n) => n, { name: 'b' }),
      {},
      /stage 2 was nothing and is "pipe b"/,
    )
    refuses(make(6), {}, /the source was of `size` 5 and is of 6/)
    refuses(make(5), { seed: 2 }, /its seed was 0 and is 2/)
    refuses(
      make(5),
      { state: { ...state, version: 9 } },
      /has version 9, this release reads version 1/,
    )
    assert.doesNotThrow(() => make(6).build({ resumable: { force: true }, state }))
    // Where stages run and how many at a time may change.
    const other = new PipelineBuilder()
      .addSource(new Numbers(5), { buffer: 9 })
      .pipe((n) => n, { name: 'a', concurrency: 7 })
    assert.doesNotThrow(() => other.build({ resumable: true, state }))
  })
})

describe('another number of ranks goes on with what the ranks before have left', () => {
  it('nothing is lost or done twice', async () => {
    const rank = fc.record({ taken: fc.nat(12), skipped: fc.nat(3) })
    const spec = fc.record({
      size: fc.integer({ min: 0, max: 40 }),
      epochs: fc.integer({ min: 1, max: 2 }),
      worlds: fc.array(fc.array(rank, { minLength: 1, maxLength: 4 }), {
        minLength: 1,
        maxLength: 4,
      }),
    })
    await fc.assert(
      fc.asyncProperty(spec, async ({ size, epochs, worlds }) => {
        const committed: number[] = []
        let state: PipelineState | undefined
        const last = [{ taken: Number.POSITIVE_INFINITY, skipped: 0 }]
        for (const world of [...worlds, last, last]) {
          const states: PipelineState[] = []
          for (const [at, { taken, skipped }] of world.entries()) {
            const source = new Numbers(size, at, world.length)
            const pipeline = new PipelineBuilder()
              .addSource(source, { continuous: epochs > 1 })
              .pipe(async (n) => n, { concurrency: 3 })
              .build({ ...explicit, ...(state === undefined ? {} : { state }) })
            const held: number[] = []
            // As a rank does that is at its own epoch: the numbers tell which.
            const isFinished = () =>
              pipeline
                .state()
                .sources[0]?.epochs.every(
                  ({ epoch, low, end }) => epoch >= epochs || (end !== undefined && low >= end),
                )
            for (let count = 0; count < taken; count++) {
              const result = await pipeline.getItem()
              if (result.done === true) {
                if (epochs === 1 || isFinished()) break
                continue
              }
              if (result.value >= epochs * 1000) break
              held.push(result.value)
              if (held.length > skipped) {
                const value = held.pop() as number
                pipeline.commit(value)
                committed.push(value)
              }
            }
            if (taken === Number.POSITIVE_INFINITY)
              for (const value of held.splice(0)) {
                pipeline.commit(value)
                committed.push(value)
              }
            states.push(over(pipeline.state()))
            await pipeline.stop()
          }
          state = over(mergeStates(states))
        }
        const expected = range(epochs).flatMap((epoch) => range(size).map((n) => epoch * 1000 + n))
        const byNumber = (a: number, b: number) => a - b
        assert.deepEqual(committed.toSorted(byNumber), expected)
      }),
      {
        numRuns: tries(20),
        interruptAfterTimeLimit: 3_600_000,
        markInterruptAsFailure: true,
      },
    )
  })

  it('a state of one rank is not taken for that of all', () => {
    const states = [0, 1].map((rank) =>
      new PipelineBuilder()
        .addSource(new Numbers(9, rank, 2))
        .build({ resumable: true })
        .state(),
    )
    const whole = new PipelineBuilder().addSource(new Numbers(9))
    assert.throws(
      () => whole.build({ resumable: true, state: states[1] as PipelineState }),
      code(
        'ERR_OTHER_STATE',
        /was rank 1 of 2 and is rank 0 of 1; join the states of all ranks by mergeStates\(\)/,
      ),
    )
    assert.throws(
      () => mergeStates([states[1] as PipelineState]),
      code('ERR_BAD_OPTION', /one of each of 2 ranks/),
    )
    assert.doesNotThrow(() => whole.build({ resumable: true, state: mergeStates(states) }))
  })
})
