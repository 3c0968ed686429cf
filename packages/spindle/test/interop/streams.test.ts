import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Readable, Writable } from 'node:stream'
import { pipeline as connect } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PipelineBuilder, PipelineFailure } from 'spindle'
import { toReadable, toReadableStream } from 'spindle/interop'
import { collect, collectFailure, take } from '../support/consume.ts'
import { settled, until } from '../support/gates.ts'
import { range, watchedGenerator } from '../support/sources.ts'

const here = fileURLToPath(import.meta.url)
const numbers = (count: number) => new PipelineBuilder().addSource(range(count))
const failing = () =>
  numbers(5).pipe((value) => {
    if (value === 3) throw new Error('three')
    return value
  })

function webStream(count: number) {
  const record = { pulls: 0, cancels: [] as unknown[] }
  const stream = new ReadableStream<number>(
    {
      pull(controller) {
        if (record.pulls < count) controller.enqueue(record.pulls++)
        else controller.close()
      },
      cancel(reason) {
        record.cancels.push(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, record }
}

describe('a Node stream as a source', () => {
  it('gives its chunks, of objects and of bytes', async () => {
    const pipeline = new PipelineBuilder()
      .addSource<number>(Readable.from(range(10)))
      .pipe((value) => value + 1)
      .build()
    assert.deepEqual(await collect(pipeline), range(10, 1))
    const bytes = new PipelineBuilder()
      .addSource<Buffer>(createReadStream(here, { highWaterMark: 500 }))
      .pipe((chunk) => chunk)
      .build()
    assert.deepEqual(Buffer.concat(await collect(bytes)), await readFile(here))
  })

  it('is destroyed when the pipeline stops, is left or fails', async () => {
    for (const leave of ['stop', 'fail'] as const) {
      const stream = Readable.from(watchedGenerator(Number.POSITIVE_INFINITY).source())
      const pipeline = new PipelineBuilder()
        .addSource<number>(stream)
        .pipe((value) => {
          if (leave === 'fail' && value === 2) throw new Error('two')
          return value
        })
        .build()
      if (leave === 'fail') await collectFailure(pipeline)
      else {
        await take(pipeline, 2)
        await pipeline.stop()
      }
      await until(() => stream.destroyed)
    }
  })

  it('fails the pipeline when it fails, after what it gave', async () => {
    const error = new Error('unplugged')
    const stream = Readable.from(
      (function* () {
        yield* range(3)
        throw error
      })(),
    )
    const { items, failure } = await collectFailure(
      new PipelineBuilder().addSource<number>(stream).build(),
    )
    assert.deepEqual(items, range(3))
    assert.equal(failure.errors[0]?.cause, error)
  })

  it('that is a missing file fails the pipeline', async () => {
    const stream = createReadStream(`${here}.missing`)
    const { failure } = await collectFailure(
      new PipelineBuilder().addSource<Buffer>(stream).build(),
    )
    assert.equal((failure.errors[0]?.cause as NodeJS.ErrnoException | undefined)?.code, 'ENOENT')
  })
})

describe('a web stream as a source', () => {
  it('gives its chunks', async () => {
    const { stream, record } = webStream(10)
    assert.deepEqual(await collect(new PipelineBuilder().addSource(stream).build()), range(10))
    assert.deepEqual(record.cancels, [])
  })

  it('is cancelled once when the pipeline stops, and read no further than the queues reach', async () => {
    const { stream, record } = webStream(Number.POSITIVE_INFINITY)
    const pipeline = new PipelineBuilder().addSource(stream).build()
    await take(pipeline, 2)
    await settled(() => record.pulls)
    assert.ok(record.pulls <= 2 + 2 + 3 + 2)
    await Promise.all([pipeline.stop(), pipeline.stop()])
    await until(() => record.cancels.length > 0)
    assert.equal(record.cancels.length, 1)
  })

  it('fails the pipeline when it fails, after what it gave', async () => {
    const error = new Error('connection lost')
    let given = 0
    const stream = new ReadableStream<number>(
      {
        pull(controller) {
          if (given < 3) controller.enqueue(given++)
          else controller.error(error)
        },
      },
      { highWaterMark: 0 },
    )
    const { items, failure } = await collectFailure(new PipelineBuilder().addSource(stream).build())
    assert.deepEqual(items, range(3))
    assert.equal(failure.errors[0]?.cause, error)
  })

  it('that somebody else reads is refused or fails', async () => {
    const { stream } = webStream(3)
    stream.getReader()
    await assert.rejects(async () => collect(new PipelineBuilder().addSource(stream).build()))
  })
})

describe('toReadable', () => {
  it('gives the items as a Node stream of objects', async () => {
    assert.deepEqual(await collect(toReadable(numbers(20).build())), range(20))
  })

  it('goes into a Node pipeline, with backpressure', async () => {
    const written: number[] = []
    const { source, watch } = watchedGenerator(100)
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(value: number, _, done) {
        written.push(value)
        assert.ok(watch.pulls - written.length < 60)
        setImmediate(done)
      },
    })
    await connect(toReadable(new PipelineBuilder().addSource(source).build()), slow)
    assert.deepEqual(written, range(100))
  })

  it('stops the pipeline when it is destroyed', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const stream = toReadable(new PipelineBuilder().addSource(source).build())
    assert.deepEqual(await take(stream, 2), [0, 1])
    await until(() => watch.closes === 1)
    assert.equal(stream.destroyed, true)
  })

  it('fails with the failure of the pipeline, after the good items', async () => {
    const { items } = await collectFailure(toReadable(failing().build()))
    assert.deepEqual(items, range(3))
  })
})

describe('toReadableStream', () => {
  it('gives the items as a web stream', async () => {
    assert.deepEqual(await collect(toReadableStream(numbers(20).build())), range(20))
  })

  it('pulls only as it is read', async () => {
    const { source, watch } = watchedGenerator(Number.POSITIVE_INFINITY)
    const reader = toReadableStream(new PipelineBuilder().addSource(source).build()).getReader()
    assert.deepEqual(await reader.read(), { done: false, value: 0 })
    assert.ok((await settled(() => watch.pulls)) < 12)
    await reader.cancel()
    await until(() => watch.closes === 1)
  })

  it('fails with the failure of the pipeline, after the good items', async () => {
    const reader = toReadableStream(failing().build()).getReader()
    for (const value of range(3)) assert.deepEqual(await reader.read(), { done: false, value })
    await assert.rejects(reader.read(), PipelineFailure)
  })
})
