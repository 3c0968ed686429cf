import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type NdArray, stack } from '../../src/index.ts'

const small = (...values: number[]): NdArray<'uint8'> => ({
  data: Uint8Array.from(values),
  dtype: 'uint8',
  shape: [1, 2],
})

describe('stack', () => {
  it('puts arrays one behind the other, along a new axis', () => {
    assert.deepEqual(stack([small(1, 2), small(3, 4), small(5, 6)]), {
      data: Uint8Array.of(1, 2, 3, 4, 5, 6),
      dtype: 'uint8',
      shape: [3, 1, 2],
    })
  })

  it('keeps the dtype', () => {
    const float = { data: Float32Array.of(0.5), dtype: 'float32', shape: [] } as const
    assert.deepEqual(stack([float, float]), {
      data: Float32Array.of(0.5, 0.5),
      dtype: 'float32',
      shape: [2],
    })
    const big = { data: BigInt64Array.of(-7n), dtype: 'int64', shape: [1] } as const
    assert.deepEqual(stack([big]).data, BigInt64Array.of(-7n))
  })

  it('refuses arrays that differ, and none', () => {
    const refuse = (arrays: NdArray<'uint8'>[], message: RegExp): void =>
      assert.throws(() => stack(arrays), { code: 'ERR_BAD_OPTION', message })
    refuse([], /^`arrays` must be at least one array, got \[\]$/)
    refuse(
      [small(1, 2), { ...small(1, 2), shape: [2, 1] }],
      /^`arrays\[1\]` must be uint8 \[1,2\].*got 'uint8 \[2,1\]'$/,
    )
  })

  it('refuses arrays that are none: of another class, of fewer or more elements, of a shape that is none', () => {
    const good = small(1, 2)
    const bad: readonly (readonly [object, RegExp])[] = [
      [{ ...good, data: Float32Array.of(1, 2) }, /`arrays\[1\]\.data` must be a Uint8Array/],
      [{ ...good, data: Uint8Array.of(1) }, /`arrays\[1\]\.shape` must be of 1 elements/],
      [{ ...good, data: Uint8Array.of(1, 2, 3) }, /`arrays\[1\]\.shape`/],
      [{ ...good, data: [1, 2] }, /`arrays\[1\]\.data`/],
      [{ ...good, shape: [-1, -2] }, /`arrays\[1\]\.shape` must be an array of integers/],
      [{ ...good, dtype: 'uint9' }, /`arrays\[1\]\.dtype`/],
    ]
    for (const [array, message] of bad) {
      assert.throws(() => stack([good, array as never]), { code: 'ERR_BAD_OPTION', message })
      assert.throws(() => stack([array as never, good]), { code: 'ERR_BAD_OPTION' })
    }
    assert.throws(() => stack([undefined as never]), { code: 'ERR_BAD_OPTION' })
    const clamped = { ...good, data: Uint8ClampedArray.of(3, 4) as never }
    const buffer = { ...good, data: Buffer.from([5, 6]) }
    assert.deepEqual(stack<'uint8'>([clamped, buffer, good]).data, Uint8Array.of(3, 4, 5, 6, 1, 2))
  })
})
