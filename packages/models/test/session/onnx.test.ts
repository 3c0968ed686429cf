import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ModelInput, model } from '@spindle/models'
import { PipelineBuilder } from 'spindle'
import type { SessionContext } from '../../src/session/define-backend.ts'
import { openOnnx } from '../../src/session/onnx-backend.ts'
import { onnxModel } from '../onnx-model.ts'

// y = 2 x + 1, and the shape of x.
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

/** Opens the model in this thread, where the runtime has to be loaded only once. */
function open(options: Partial<SessionContext> & { pad?: number; isBatched?: boolean } = {}) {
  const { pad, isBatched = true, providers, outputs } = options
  const stacking = { isBatched, pad, constants: {} }
  return openOnnx(
    { kind: 'onnx', model: bytes, runtime, sessionOptions: {}, stacking },
    { threads: 1, providers, outputs },
  )
}
const never = new AbortController().signal

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

  it('pads arrays of different lengths, and takes them as they are without batches', async () => {
    const padded = await open({ pad: -1, outputs: ['y'] })
    const [short, long] = await padded.run([array(1), array(1, 2, 3)], never)
    assert.deepEqual([...(short?.y?.data ?? [])], [3, -1, -1])
    assert.deepEqual([...(long?.y?.data ?? [])], [3, 5, 7])
    const whole = await open({ isBatched: false })
    const x = { data: Float32Array.of(1, 2, 3, 4), dtype: 'float32', shape: [2, 2] } as const
    const [result] = await whole.run([{ x }], never)
    assert.deepEqual([...(result?.y?.data ?? [])], [3, 5, 7, 9])
    assert.deepEqual([result?.y?.shape, result?.size?.dtype], [[2, 2], 'int64'])
    assert.deepEqual(result?.size?.data, BigInt64Array.of(2n, 2n))
  })

  it('says what is wrong with an item, an output, a provider or a package', async () => {
    const session = await open({ providers: ['no-such-chip', 'wasm'] })
    assert.match(session.notes?.[0] ?? '', /provider no-such-chip not used/)
    const fails = async (batch: readonly ModelInput[], message: RegExp) =>
      assert.rejects(async () => session.run(batch, never), message)
    await fails([{ z: array(1) }], /no input 'z'; its inputs are x/)
    await fails(
      [{ x: { ...array(1, 2), shape: [3] } }],
      /has 2 elements, but its shape \[3\] has 3/,
    )
    await fails([array(1), array(1, 2)], /arrays float32 \[1\] and float32 \[2\] in one batch/)
    await fails(
      [array(1), array(2), array(3)],
      /output 'size' has shape \[2\], whose first axis is not the batch of 3/,
    )
    await assert.rejects(open({ outputs: ['z'] }), /no output 'z'; its outputs are y, size/)
    await assert.rejects(open({ providers: ['no-such-chip'] }), { code: 'ERR_MODEL_LOAD' })
    const stacking = { isBatched: true, pad: undefined, constants: {} }
    await assert.rejects(
      openOnnx(
        { kind: 'onnx', model: 'x', runtime: 'no-such' as never, sessionOptions: {}, stacking },
        { threads: 1, providers: undefined, outputs: undefined },
      ),
      { code: 'ERR_BACKEND_MISSING' },
    )
  })
})
