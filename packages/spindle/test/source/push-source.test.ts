import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BuildOptions,
  MAIN,
  type Pipeline,
  PipelineBuilder,
  PipelineFailure,
  workerModule,
  workers,
} from 'spindle'
import { type PushSource, pushSource } from 'spindle/source'
import type * as Ops from './push-ops.ts'

const tolerant: BuildOptions = { maxFailures: Number.POSITIVE_INFINITY, loopGuard: false }

/** A pipeline over a push source, started. */
function serve<T, R>(
  requests: PushSource<T, R>,
  stages: (builder: PipelineBuilder<T>) => PipelineBuilder<R | R[]>,
  options: BuildOptions = tolerant,
): Pipeline<never> {
  const pipeline = stages(new PipelineBuilder().addSource(requests))
    .pipe(requests.answer as (value: R | R[]) => undefined)
    .build(options)
  pipeline.start()
  return pipeline as unknown as Pipeline<never>
}

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted

test('each item gets its own result, in any order of completion', async () => {
  const requests = pushSource<number, string>()
  const pipeline = serve(requests, (items) =>
    items.pipe(
      async (n) => {
        for (let turn = n % 3; turn > 0; turn--) await new Promise(setImmediate)
        return `<${n}>`
      },
      { concurrency: 8 },
    ),
  )
  const numbers = [...Array(40).keys()]
  const answers = await Promise.all(numbers.map((n) => requests.push(n)))
  assert.deepEqual(
    answers,
    numbers.map((n) => `<${n}>`),
  )
  requests.end()
  await pipeline.done
  assert.equal(requests.pending, 0)
})

test('a failed item rejects its own promise with the error of the op', async () => {
  const requests = pushSource<number, number>()
  const pipeline = serve(requests, (items) =>
    items.pipe((n) => {
      if (n === 2) throw new RangeError('two')
      return n
    }),
  )
  const results = await Promise.allSettled([1, 2, 3].map((n) => requests.push(n)))
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.message)),
    [1, 'two', 3],
  )
  await pipeline.stop()
})

test('an item that a stage drops is answered with undefined', async () => {
  const requests = pushSource<number, number>()
  const pipeline = serve(requests, (items) => items.pipe((n) => (n % 2 === 0 ? n : undefined)))
  assert.deepEqual(await Promise.all([1, 2].map((n) => requests.push(n))), [undefined, 2])
  await pipeline.stop()
})

test('of several results of a generator, the first is the answer', async () => {
  const requests = pushSource<number, number>()
  const pipeline = serve(requests, (items) =>
    items.pipe(function* (n) {
      yield n * 10
      yield n * 100
    }),
  )
  assert.deepEqual(await Promise.all([1, 2].map((n) => requests.push(n))), [10, 20])
  await pipeline.stop()
})

test('members of a batch are answered one by one, whole or taken apart', async () => {
  for (const isApart of [false, true]) {
    const requests = pushSource<number, number>()
    const pipeline = serve(requests, (items) => {
      const batches = items.aggregate(4).pipe((batch) => batch.map((n) => n * 2))
      return isApart ? batches.disaggregate() : batches
    })
    const pushed = [...Array(8).keys()].map((n) => requests.push(n))
    assert.deepEqual(await Promise.all(pushed), [0, 2, 4, 6, 8, 10, 12, 14], String(isApart))
    requests.end()
    await pipeline.done
  }
})

test('a source of batches gives what waits, and answers each member', async () => {
  const requests = pushSource<number, number>()
  const sizes: number[] = []
  const pushed = [...Array(10).keys()].map((n) => requests.push(n))
  const pipeline = new PipelineBuilder()
    .addSource(requests.batches(4))
    .pipe(async (batch) => {
      sizes.push(batch.length)
      if (batch.includes(9)) throw new Error('nine')
      return batch.map((n) => -n)
    })
    .pipe(requests.answer)
    .build(tolerant)
  pipeline.start()
  const results = await Promise.allSettled(pushed)
  assert.deepEqual(sizes, [4, 4, 2])
  assert.deepEqual(
    results.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message)),
    [-0, -1, -2, -3, -4, -5, -6, -7, 'nine', 'nine'],
  )
  assert.equal(await requests.push(20), -20)
  await pipeline.stop()
})

test('a failed batch fails all of its members, a failed element one', async () => {
  const requests = pushSource<number, number>()
  const pipeline = serve(requests, (items) =>
    items
      .aggregate(2)
      .pipe((batch) => {
        if (batch.includes(0)) throw new Error('batch')
        return batch
      })
      .disaggregate()
      .pipe((n) => {
        if (n === 3) throw new Error('element')
        return n
      }),
  )
  const results = await Promise.allSettled([0, 1, 2, 3].map((n) => requests.push(n)))
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.message)),
    ['batch', 'batch', 2, 'element'],
  )
  await pipeline.stop()
})

test('worker ops and regions answer like ops on the loop', async () => {
  const { triple } = workerModule<typeof Ops>(import.meta.resolve('./push-ops.ts'))
  for (const isRegion of [false, true]) {
    const requests = pushSource<number, number>()
    const pipeline = serve(
      requests,
      (items) =>
        isRegion
          ? items
              .to(workers({ count: 1 }))
              .pipe(triple, { concurrency: 2 })
              .to(MAIN)
          : items.pipe(triple, { concurrency: 2 }),
      { ...tolerant, threads: 1 },
    )
    const results = await Promise.allSettled([1, -1, 2].map((n) => requests.push(n)))
    assert.deepEqual(
      results.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message)),
      [3, 'negative', 6],
      String(isRegion),
    )
    await pipeline.stop()
  }
})

test('an aborted item rejects at once, its op sees the signal, and later stages skip it', async () => {
  const requests = pushSource<number, number>()
  const seen: unknown[] = []
  let begun = (): void => {}
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  let later = 0
  const pipeline = serve(requests, (items) =>
    items
      .pipe(async (n, { signal }) => {
        begun()
        if (n === 1)
          await new Promise<void>((resolve) =>
            signal.addEventListener('abort', () => {
              seen.push(signal.reason)
              resolve()
            }),
          )
        return n
      })
      .pipe((n) => {
        later++
        return n
      }),
  )
  const controller = new AbortController()
  const pushed = requests.push(1, { signal: controller.signal })
  await hasBegun
  const reason = new Error('client left')
  controller.abort(reason)
  await assert.rejects(pushed, (error) => error === reason)
  assert.equal(await requests.push(2), 2)
  assert.deepEqual(seen, [reason])
  assert.equal(later, 1)
  await pipeline.stop()
})

test('an item that waits is taken out when it is aborted, or not added if it was before', async () => {
  const requests = pushSource<number>()
  const controller = new AbortController()
  const pushed = requests.push(1, { signal: controller.signal })
  assert.equal(requests.waiting, 1)
  controller.abort()
  await assert.rejects(pushed, { name: 'AbortError' })
  await assert.rejects(requests.push(2, { signal: AbortSignal.abort('no') }), (e) => e === 'no')
  assert.equal(requests.waiting, 0)
  assert.equal(requests.pending, 0)
})

test('what waits is bounded: push() rejects or stays pending, as `whenFull` says', async () => {
  const refusing = pushSource<number, number>({ capacity: 2, whenFull: 'reject' })
  const kept = [refusing.push(0), refusing.push(1)]
  await assert.rejects(refusing.push(2), code('ERR_PUSH_FULL'))
  const first = serve(refusing, (items) => items.pipe((n) => n))
  assert.deepEqual(await Promise.all(kept), [0, 1])
  await first.stop()

  const waiting = pushSource<number, number>({ capacity: 2 })
  let most = 0
  let running = 0
  const pushed = [...Array(20).keys()].map((n) => waiting.push(n))
  const second = serve(waiting, (items) =>
    items.pipe(
      async (n) => {
        most = Math.max(most, ++running)
        await new Promise(setImmediate)
        running--
        return n
      },
      { concurrency: 3 },
    ),
  )
  assert.deepEqual(await Promise.all(pushed), [...Array(20).keys()])
  assert.equal(most, 3)
  await second.stop()
})

test('end() and a draining stop answer what was accepted, and refuse the rest', async () => {
  for (const isStop of [false, true]) {
    const requests = pushSource<number, number>()
    const pipeline = serve(requests, (items) => items.pipe(async (n) => n + 1, { concurrency: 2 }))
    const pushed = [1, 2, 3].map((n) => requests.push(n))
    if (isStop) {
      assert.equal(await pushed[2], 4)
      await pipeline.stop({ mode: 'drain' })
    } else {
      requests.end()
      await pipeline.done
    }
    assert.deepEqual(await Promise.all(pushed), [2, 3, 4])
    await assert.rejects(requests.push(4), code('ERR_PUSH_CLOSED'))
  }
})

test('an aborting stop rejects what is in progress and what waits', async () => {
  const requests = pushSource<number, number>()
  const pipeline = serve(requests, (items) => items.pipe(() => new Promise<number>(() => {})))
  const pushed = [...Array(6).keys()].map((n) => requests.push(n))
  const settled = Promise.allSettled(pushed)
  await new Promise(setImmediate)
  await pipeline.stop({ mode: 'abort', timeoutMs: 10 })
  for (const result of await settled)
    assert(result.status === 'rejected' && code('ERR_PUSH_CLOSED')(result.reason))
})

test('a pipeline that fails rejects all that wait with its failure', async () => {
  const requests = pushSource<number, number>()
  serve(
    requests,
    (items) =>
      items.pipe(async (n) => {
        await new Promise(setImmediate)
        if (n === 0) throw new Error('zero')
        return n
      }),
    { loopGuard: false },
  )
  const pushed = [...Array(8).keys()].map((n) => requests.push(n))
  const reasons = (await Promise.allSettled(pushed)).map((one) =>
    one.status === 'rejected' ? one.reason : one.value,
  )
  assert.equal(reasons[0].message, 'zero')
  for (const reason of reasons.slice(1)) assert(reason instanceof PipelineFailure)
  await assert.rejects(requests.push(3), code('ERR_PUSH_CLOSED'))
})

test('a push source feeds one pipeline, and its options have rules', async () => {
  const requests = pushSource<number, number>()
  const pipeline = serve(requests, (items) => items.pipe((n) => n))
  assert.equal(await requests.push(1), 1)
  const other = new PipelineBuilder().addSource(requests).build()
  await assert.rejects(other.getItem(), ({ errors }) => errors[0].cause.code === 'ERR_BAD_SOURCE')
  assert.equal(await requests.push(2), 2)
  await pipeline.stop()
  assert.throws(() => pushSource({ capacity: 0 }), /`capacity` must be an integer >= 1/)
  assert.throws(() => pushSource({ whenFull: 'drop' as 'wait' }), /`whenFull`/)
  assert.throws(() => pushSource({ size: 1 } as object), /unknown option `size`/)
  await assert.rejects(pushSource<undefined>().push(undefined), code('ERR_BAD_OPTION'))
})
