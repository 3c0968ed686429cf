import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { model } from '@spindle/models'
import { PipelineBuilder } from 'spindle'
import { onnxModel } from '../onnx-model.ts'

// y = 2 x + 1, and the sum of x over its last axis.
const bytes = onnxModel(
  [{ name: 'x', shape: ['batch', 'n'] }],
  [
    { name: 'y', shape: ['batch', 'n'] },
    { name: 'size', shape: [2], isInt64: true },
  ],
  [
    { op: 'Mul', inputs: ['x', 'two'], outputs: ['doubled'] },
    { op: 'Add', inputs: ['doubled', 'one'], outputs: ['y'] },
    { op: 'Shape', inputs: ['x'], outputs: ['size'] },
  ],
  { two: 2, one: 1 },
)
const runtime = 'onnxruntime-web'
const array = (...values: readonly number[]) =>
  ({ data: Float32Array.from(values), dtype: 'float32', shape: [values.length] }) as const

describe('an ONNX model', () => {
  it('gives one output of each item, without its batch axis', async () => {
    const items = Array.from({ length: 10 }, (_, i) => array(i, i + 0.5))
    const stage = model(bytes, { runtime, outputs: 'y', sessions: 1, batch: { max: 4 } })
    const outputs: unknown[] = []
    const pipeline = new PipelineBuilder()
      .addSource(items)
      .pipe(stage, { outputOrder: 'input' })
      .build()
    for await (const { data, shape } of pipeline) outputs.push([[...data], shape])
    assert.deepEqual(
      outputs,
      items.map((_, i) => [[2 * i + 1, 2 * i + 2], [2]]),
    )
    const [session] = stage.stats().sessions
    assert.deepEqual([session?.items, session?.provider], [10, 'wasm'])
    assert.ok((session?.batches ?? 10) < 10)
  })

  it('pads arrays of different lengths, and takes them as they are with `batch: false`', async () => {
    await using padded = model(bytes, {
      ...{ runtime, outputs: ['y'], sessions: 1 },
      batch: { pad: -1, bucketBy: () => 0 },
    })
    const [short, long] = await Promise.all([padded.run(array(1)), padded.run(array(1, 2, 3))])
    assert.deepEqual([...short.y.data], [3, -1, -1])
    assert.deepEqual([...long.y.data], [3, 5, 7])
    await using whole = model(bytes, { runtime, sessions: 1, batch: false })
    const { y, size } = await whole.run({
      x: { data: Float32Array.of(1, 2, 3, 4), dtype: 'float32', shape: [2, 2] },
    })
    assert.deepEqual([...(y?.data ?? [])], [3, 5, 7, 9])
    assert.deepEqual(
      [y?.shape, size?.dtype, size?.data],
      [[2, 2], 'int64', BigInt64Array.of(2n, 2n)],
    )
  })

  it('says what is wrong with an item, an output, a provider, a file or a package', async () => {
    await using stage = model(bytes, { runtime, outputs: 'y', sessions: 1 })
    await assert.rejects(stage.run({ z: array(1) }), /no input 'z'; its inputs are x/)
    await assert.rejects(
      stage.run({ x: { ...array(1, 2), shape: [3] } }),
      /input 'x' has 2 elements, but its shape \[3\] has 3/,
    )
    await using all = model(bytes, { runtime, sessions: 1 })
    await assert.rejects(
      Promise.all([all.run(array(1)), all.run(array(2)), all.run(array(3))]),
      /output 'size' has shape \[2\], whose first axis is not the batch of 3/,
    )
    await using output = model(bytes, { runtime, sessions: 1, outputs: 'z' })
    await assert.rejects(output.run(array(1)), /no output 'z'; its outputs are y, size/)
    await using file = model('missing.onnx', { runtime, sessions: 1 })
    await assert.rejects(file.run(array(1)), { code: 'ERR_MODEL_LOAD' })
    await using providers = model(bytes, {
      ...{ runtime, outputs: 'y', sessions: 1, warmup: [array(1)] },
      providers: ['no-such-chip', 'wasm'],
    })
    assert.deepEqual([...(await providers.run(array(2))).data], [5])
    assert.match(providers.stats().notes[0] ?? '', /provider no-such-chip not used/)
  })
})
