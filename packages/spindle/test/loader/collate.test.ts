import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineBuilder, SegmentPool, workerModule, workers } from 'spindle'
import { collate, collatedBytes, DataLoader, type DType, type NdArray } from 'spindle/loader'
import { collect, throwsCode } from '../support/consume.ts'

const float32 = (shape: number[], first = 0): NdArray<'float32'> => {
  const length = shape.reduce((a, b) => a * b, 1)
  return { data: Float32Array.from({ length }, (_, i) => first + i), dtype: 'float32', shape }
}
const int64 = (...values: number[]): BigInt64Array => BigInt64Array.from(values.map(BigInt))

describe('collate', () => {
  it('puts arrays together along a new first axis, whatever they are in', () => {
    const record = (i: number) => ({
      image: { pixels: float32([2, 3], i * 6) },
      pair: [float32([1], i), i] as const,
    })
    const batch = collate([record(0), record(1)])
    assert.deepEqual(batch.image.pixels, { ...float32([2, 2, 3]) })
    assert.deepEqual(batch.pair[0], {
      data: Float32Array.of(0, 1),
      dtype: 'float32',
      shape: [2, 1],
    })
    assert.deepEqual(batch.pair[1], { data: Float64Array.of(0, 1), dtype: 'float64', shape: [2] })
    assert.deepEqual(collate([float32([2]), float32([2], 2)]), float32([2, 2]))
  })

  it('takes every kind of typed array, as an array of one axis', () => {
    const kinds: [DType, ArrayBufferView & { readonly length: number }][] = [
      ['uint8', Uint8Array.of(1, 2)],
      ['uint8', Buffer.from([1, 2])],
      ['uint8', Uint8ClampedArray.of(1, 2)],
      ['int8', Int8Array.of(-1, 2)],
      ['uint16', Uint16Array.of(1, 2)],
      ['int16', Int16Array.of(-1, 2)],
      ['uint32', Uint32Array.of(1, 2)],
      ['int32', Int32Array.of(-1, 2)],
      ['uint64', BigUint64Array.of(1n, 2n)],
      ['int64', BigInt64Array.of(-1n, 2n)],
      ['float32', Float32Array.of(0.5, 2)],
      ['float64', Float64Array.of(0.1, 2)],
    ]
    for (const [dtype, view] of kinds) {
      const batch = collate([view, view]) as NdArray
      assert.equal(batch.dtype, dtype)
      assert.deepEqual(batch.shape, [2, 2])
      const values = [...(view as Uint8Array)]
      assert.deepEqual([...(batch.data as Uint8Array)], [...values, ...values])
    }
  })

  it('makes arrays of numbers, bigints and booleans, and lists of texts and of what is no data', () => {
    const record = (i: number) => ({
      score: i / 2,
      label: i,
      id: BigInt(i),
      isNew: i === 1,
      vector: [i, i + 1],
      name: i === 0 ? null : 'one',
      at: new Date(i),
    })
    const batch = collate([record(0), record(1)], {
      numbers: 'float32',
      dtypes: { label: 'int64', vector: 'uint8' },
    })
    assert.deepEqual(batch.score, { data: Float32Array.of(0, 0.5), dtype: 'float32', shape: [2] })
    assert.deepEqual(batch.label, { data: int64(0, 1), dtype: 'int64', shape: [2] })
    assert.deepEqual(batch.id, { data: int64(0, 1), dtype: 'int64', shape: [2] })
    assert.deepEqual(batch.isNew, { data: Uint8Array.of(0, 1), dtype: 'bool', shape: [2] })
    assert.deepEqual(batch.vector, {
      data: Uint8Array.of(0, 1, 1, 2),
      dtype: 'uint8',
      shape: [2, 2],
    })
    assert.deepEqual(batch.name, [null, 'one'])
    assert.deepEqual(batch.at, [new Date(0), new Date(1)])
  })

  it('goes through lists of anything but numbers by position', () => {
    const batch = collate([
      ['a', Uint8Array.of(1), 1],
      ['b', Uint8Array.of(2), 2],
    ] as [string, Uint8Array, number][])
    assert.deepEqual(batch[0], ['a', 'b'])
    assert.deepEqual(batch[1], { data: Uint8Array.of(1, 2), dtype: 'uint8', shape: [2, 1] })
    assert.deepEqual(batch[2].shape, [2])
  })

  it('keeps half precision as its bits, and as Float16Array where it came so', () => {
    const bits = { data: Uint16Array.of(0x3c00, 0x4000), dtype: 'float16', shape: [2] } as const
    assert.deepEqual(collate([bits, bits]), {
      data: Uint16Array.of(0x3c00, 0x4000, 0x3c00, 0x4000),
      dtype: 'float16',
      shape: [2, 2],
    })
    const Half = (globalThis as { Float16Array?: new (values: number[]) => Uint16Array })
      .Float16Array
    if (Half === undefined) return
    const half = { data: new Half([1, 2]), dtype: 'float16', shape: [2] } as const
    const batch = collate([half, bits])
    assert.equal(batch.data.constructor, Half)
    assert.deepEqual([...batch.data], [1, 2, 1, 2])
    assert.deepEqual([...collate([bits, half]).data], [0x3c00, 0x4000, 0x3c00, 0x4000])
  })

  it('takes views of parts of memory, and gives memory of its own', () => {
    const all = Float32Array.of(0, 1, 2, 3, 4, 5)
    const batch = collate([all.subarray(1, 3), all.subarray(4)])
    assert.deepEqual([...batch.data], [1, 2, 4, 5])
    assert.equal(batch.data.byteLength, batch.data.buffer.byteLength)
  })

  it('says which record differs, and in what', () => {
    const bad = (records: unknown[], pattern: RegExp, options = {}) =>
      throwsCode(() => collate(records, options), 'ERR_BAD_OPTION', pattern)
    bad([], /records/)
    bad(
      [{ a: float32([2]) }, { a: float32([3]) }],
      /records\[1\]\.a.*\[2\], as the first one is, or padded by.*got '\[3\]'/,
    )
    bad([{ a: float32([2]) }, { a: { ...float32([2]), dtype: 'int32' } }], /records\[1\]\.a/)
    bad([{ a: 1 }, { a: 1n }], /records\[1\]\.a.*a number, as the first one is/)
    bad([{ a: 1, b: 1 }, { a: 1 }], /records\[1\].*with `b`/)
    bad([{ a: 1 }, { a: 1, c: 1 }], /records\[1\].*without `c`/)
    bad([{ a: 'x' }, { a: 1 }], /records\[1\]\.a.*no data/)
    bad([['x', 1], ['y']], /records\[1\].*list of 2/)
    bad([{ a: 300 }], /records\[0\]\.a.*uint8 can hold, got 300/, { dtypes: { a: 'uint8' } })
    bad([{ a: 0.5 }], /int64 can hold, got 0.5/, { dtypes: { a: 'int64' } })
    bad([{ a: { ...float32([2]), shape: [3] } }], /as many elements as its shape \[3\]/)
    bad(
      [{ a: { data: new Float64Array(1), dtype: 'float32', shape: [1] } }],
      /float32 in a Float32Array/,
    )
  })

  it('refuses wrong options, and paths that no record has', () => {
    const bad = (options: object, pattern: RegExp) =>
      throwsCode(() => collate([{ ids: int64(1) }], options), 'ERR_BAD_OPTION', pattern)
    bad({ pad: { id: {} } }, /`pad` must be of members that the records have: , ids, got 'id'/)
    bad({ dtypes: { x: 'int32' } }, /dtypes/)
    bad({ pad: { ids: { side: 'up' } } }, /`pad\.ids\.side`/)
    bad({ pad: { ids: { multipleOf: 0 } } }, /`pad\.ids\.multipleOf`/)
    bad({ pad: { ids: { values: 0 } } }, /values/)
    bad({ pad: { ids: { mask: 'ids' } } }, /`pad\.ids\.mask`/)
    bad({ shared: true, into: new ArrayBuffer(8) }, /only one/)
    bad({ numbers: 'bool' }, /numbers/)
    throwsCode(
      () => collate([int64(1)], { pad: { '': { mask: 'm' } } }),
      'ERR_BAD_OPTION',
      /pad\.mask/,
    )
  })
})

describe('padding', () => {
  /** What a reader would write: one element after the other. */
  function padded(
    arrays: NdArray<'float32'>[],
    shape: readonly number[],
    value: number,
    isLeft: boolean,
  ): number[] {
    const place = (array: NdArray<'float32'>, index: readonly number[]): number => {
      const own = index.map((at, axis) => at - (isLeft ? shape[axis]! - array.shape[axis]! : 0))
      if (own.some((at, axis) => at < 0 || at >= array.shape[axis]!)) return value
      return array.data[own.reduce((flat, at, axis) => flat * array.shape[axis]! + at, 0)]!
    }
    const indices = shape.reduce<number[][]>(
      (prefixes, length) =>
        prefixes.flatMap((prefix) => Array.from({ length }, (_, at) => [...prefix, at])),
      [[]],
    )
    return arrays.flatMap((array) => indices.map((index) => place(array, index)))
  }

  const memories = {
    'memory of its own': () => ({}),
    'shared memory': () => ({ shared: true }),
    'memory that was used before': () => ({ into: new Uint8Array(64 * 1024).fill(0xab) }),
  }
  for (const [name, memory] of Object.entries(memories)) {
    it(`fills each axis up, on either side, in ${name}`, () => {
      const shapes = fc.integer({ min: 1, max: 3 }).chain((rank) =>
        fc.array(fc.array(fc.nat(4), { minLength: rank, maxLength: rank }), {
          minLength: 1,
          maxLength: 5,
        }),
      )
      const options = fc.record({
        value: fc.constantFrom(0, 7),
        isLeft: fc.boolean(),
        multipleOf: fc.integer({ min: 1, max: 4 }),
      })
      fc.assert(
        fc.property(shapes, options, (shapes, { value, isLeft, multipleOf }) => {
          const arrays = shapes.map((shape, i) => float32(shape, 100 * (i + 1)))
          const batch = collate(
            arrays.map((a) => ({ a })),
            {
              pad: { a: { value, side: isLeft ? 'left' : 'right', multipleOf, mask: 'mask' } },
              ...memory(),
            },
          )
          const longest = shapes[0]!.map((_, axis) =>
            Math.max(...shapes.map((shape) => shape[axis]!)),
          )
          longest[0] = Math.ceil(longest[0]! / multipleOf) * multipleOf
          assert.deepEqual(batch.a.shape, [arrays.length, ...longest])
          assert.deepEqual([...batch.a.data], padded(arrays, longest, value, isLeft))
          const ones = arrays.map(({ shape }) => float32([shape[0]!]))
          for (const one of ones) one.data.fill(1)
          assert.deepEqual(batch.mask.shape, [arrays.length, longest[0]])
          assert.deepEqual(
            Array.from(batch.mask.data, Number),
            padded(ones, [longest[0]!], 0, isLeft),
          )
        }),
        { numRuns: 100 },
      )
    })
  }

  it('pads to a length, and refuses what is longer', () => {
    const records = [int64(1, 2), int64(3)]
    const batch = collate(records, { pad: { '': { length: 3, value: -1n } } })
    assert.deepEqual(batch, { data: int64(1, 2, -1, 3, -1, -1), dtype: 'int64', shape: [2, 3] })
    throwsCode(
      () => collate(records, { pad: { '': { length: 1 } } }),
      'ERR_TOO_LARGE',
      /length 2 on axis 0/,
    )
    const images = [float32([3, 2, 5]), float32([3, 4, 1])]
    assert.deepEqual(
      collate(images, { pad: { '': { multipleOf: [1, 8, 8] } } }).shape,
      [2, 3, 8, 8],
    )
    assert.deepEqual(collate(images, { pad: { '': { length: [3, 6, 6] } } }).shape, [2, 3, 6, 6])
    throwsCode(
      () => collate([float32([1]), float32([1, 1])], { pad: { '': {} } }),
      'ERR_BAD_OPTION',
      /rank 1/,
    )
  })

  it('pads lists of numbers, as tokenizers give them', () => {
    const batch = collate([{ ids: [5, 6, 7] }, { ids: [] }, { ids: [8] }], {
      pad: { ids: { value: 9, mask: 'mask' } },
      dtypes: { ids: 'int64' },
    })
    assert.deepEqual([...batch.ids.data].map(Number), [5, 6, 7, 9, 9, 9, 8, 9, 9])
    assert.deepEqual([...batch.mask.data].map(Number), [1, 1, 1, 0, 0, 0, 1, 0, 0])
  })

  it('pads long arrays as short ones', () => {
    const long = new Float32Array(50_000).fill(1)
    const batch = collate([long, new Float32Array(0)], { pad: { '': { value: 2 } }, shared: true })
    assert.ok(batch.data.subarray(0, 50_000).every((value) => value === 1))
    assert.ok(batch.data.subarray(50_000).every((value) => value === 2))
  })
})

describe('the memory of a batch', () => {
  const records = Array.from({ length: 3 }, (_, i) => ({
    a: Uint8Array.of(i, i, i),
    b: Float64Array.of(i),
  }))

  it('is shared when asked for', () => {
    const { a, b } = collate(records, { shared: true })
    assert.ok(
      a.data.buffer instanceof SharedArrayBuffer && b.data.buffer instanceof SharedArrayBuffer,
    )
    assert.deepEqual([...b.data], [0, 1, 2])
  })

  it('is one lease of a pool, given back with any of its arrays', () => {
    const pool = new SegmentPool({ segmentBytes: 32 * 1024, maxBytes: 64 * 1024 })
    const { a, b } = collate(records, { pool })
    assert.deepEqual([...a.data], [0, 0, 0, 1, 1, 1, 2, 2, 2])
    assert.equal(SegmentPool.leaseOf(a.data), SegmentPool.leaseOf(b.data))
    assert.ok(pool.stats().usedBytes > 0)
    SegmentPool.leaseOf(b.data)?.release()
    assert.equal(pool.stats().usedBytes, 0)
    throwsCode(() => collate([new Uint8Array(2 ** 20)], { pool }), 'ERR_TOO_LARGE')
  })

  it('is what is given, used again and again', () => {
    const bytes = collatedBytes(records)
    assert.equal(bytes, 64 + 24)
    const into = new Uint8Array(8 + bytes).subarray(8)
    const first = collate(records, { into })
    assert.deepEqual([first.a.data.byteOffset, first.b.data.byteOffset], [8, 72])
    const second = collate([...records].reverse(), { into })
    assert.equal(second.a.data.buffer, first.a.data.buffer)
    assert.deepEqual([...second.b.data], [2, 1, 0])
    throwsCode(
      () => collate(records, { into: new ArrayBuffer(bytes - 1) }),
      'ERR_TOO_LARGE',
      /88 bytes/,
    )
    throwsCode(
      () => collate(records, { into: into.subarray(1) }),
      'ERR_BAD_OPTION',
      /multiple of 8/,
    )
  })
})

describe('values that a type cannot hold', () => {
  const refuses = (records: readonly unknown[], options: object, message: RegExp) =>
    assert.throws(() => collate(records, options), { code: 'ERR_BAD_OPTION', message })

  it('are refused as numbers, also where a float would become infinite', () => {
    for (const value of [1e39, -1e300]) {
      refuses(
        [{ x: 1 }, { x: value }],
        { numbers: 'float32' },
        /`records\[1\]\.x` must be what float32 can hold/,
      )
      refuses(
        [{ x: [1, value] }],
        { numbers: 'float32' },
        /`records\[0\]\.x` must be what float32 can hold/,
      )
    }
    const kept = [Number.POSITIVE_INFINITY, 0.1, 2 ** 24 + 1]
    assert.deepEqual([...collate(kept, { numbers: 'float32' }).data], [...Float32Array.from(kept)])
    assert.ok(Number.isNaN(collate([Number.NaN], { numbers: 'float32' }).data[0]))
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2 ** 53, -1])
      for (const dtype of ['uint8', 'uint32', 'uint64'])
        refuses(
          [{ x: value }],
          { dtypes: { x: dtype } },
          /`records\[0\]\.x` must be what uint\d+ can hold/,
        )
    refuses([2n ** 63n], {}, /what int64 can hold/)
  })

  it('are refused as padding', () => {
    const padded = (data: unknown, value: unknown) =>
      collate([data], { pad: { '': { value, length: 4 } as never } })
    for (const [data, value] of [
      [Uint8Array.of(1), 300],
      [Uint8Array.of(1), -100],
      [Uint8Array.of(1), 0.5],
      [Int32Array.of(1), Number.NaN],
      [Int32Array.of(1), 2 ** 31],
      [Int32Array.of(1), 2n ** 40n],
      [BigInt64Array.of(1n), 0.5],
      [BigInt64Array.of(1n), 2n ** 63n],
      [BigUint64Array.of(1n), -1],
      [Float32Array.of(1), 1e300],
      [{ data: Uint8Array.of(1), dtype: 'bool', shape: [1] }, 2],
      [{ data: Uint16Array.of(1), dtype: 'float16', shape: [1] }, 0.5],
    ])
      assert.throws(() => padded(data, value), {
        code: 'ERR_BAD_OPTION',
        message: /`pad\.value` must be what \w+ can hold/,
      })
    refuses(
      [{ x: [1, 2] }],
      { pad: { x: { value: 0.5 } }, dtypes: { x: 'int64' } },
      /`pad\.x\.value` must be what int64/,
    )
    for (const [data, value] of [
      [Float32Array.of(1), Number.NaN],
      [Float32Array.of(1), Number.NEGATIVE_INFINITY],
      [Float32Array.of(1), 0.1],
      [Float64Array.of(1), 7n],
      [BigInt64Array.of(1n), -100],
      [Uint8Array.of(1), 255n],
    ])
      padded(data, value)
  })

  it('are refused as lengths of shapes', () => {
    for (const shape of [[-1, -4], [0.5, 8], [Number.NaN], ['4']])
      refuses(
        [{ data: new Float32Array(4), dtype: 'float32', shape }],
        {},
        /of a shape of integers >= 0/,
      )
  })
})

describe('collate, the short way for records that are alike', () => {
  // With a pool, `collate` always takes the general way.
  const pool = new SegmentPool({ maxBytes: 1 << 26 })
  const outcome = (records: readonly unknown[], options: object): unknown => {
    try {
      return structuredClone(plain(collate(records, options)))
    } catch (error) {
      return String(error)
    }
  }
  /** Without the memory that typed arrays are views of. */
  const plain = (value: unknown): unknown =>
    ArrayBuffer.isView(value)
      ? [value.constructor.name, ...(value as Uint8Array)]
      : typeof value !== 'object' || value === null
        ? value
        : Array.isArray(value)
          ? value.map(plain)
          : Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
  const makers: (() => unknown)[] = [
    () => Float32Array.of(1, 2),
    () => Float32Array.of(1),
    () => Buffer.from([3, 4]),
    () => Uint8Array.of(3, 4),
    () => ({ data: Uint8Array.of(1, 0), dtype: 'bool', shape: [2, 1] }),
    () => ({ data: Uint8Array.of(1, 0), dtype: 'bool', shape: [2] }),
    () => ({ data: Uint8Array.of(1), dtype: 'bool', shape: [2] }),
    ...[5, 1e300, 0.5, Number.NaN, 7n, 1n << 70n, true, 'text', null, undefined].map(
      (value) => () => value,
    ),
    () => [1, 2],
    () => [1, 1e20],
    () => [],
    () => ['a', 'b'],
    () => new Date(0),
    () => ({ inner: 1, other: 2 }),
    () => ({ other: 2, inner: 1 }),
    () => ({ inner: 1 }),
    () => JSON.parse('{ "__proto__": 1 }'),
    () => Object.assign(Object.create(null), { inner: 1 }),
  ]
  const options = fc.constantFrom(
    {},
    { numbers: 'float32' },
    { dtypes: { a: 'int32' } },
    { dtypes: { 'a.inner': 'int64' } },
    { dtypes: { constructor: 'int32' } },
  )

  it('makes what the general way makes, and fails as it fails', () => {
    const maker = fc.constantFrom(...makers)
    const records = fc
      .tuple(maker, maker, maker, fc.nat(5), fc.boolean())
      .map(([usual, odd, bare, at, isBare]) =>
        Array.from({ length: 4 }, (_, i) =>
          isBare ? (i === at ? odd() : bare()) : { a: (i === at ? odd : usual)(), constructor: i },
        ),
      )
    fc.assert(
      fc.property(records, options, (records, options) => {
        assert.deepEqual(outcome(records, options), outcome(records, { ...options, pool }))
      }),
      { numRuns: 400 },
    )
  })
})

describe('collate as an op', () => {
  const records = [{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }]
  const sums = async (batches: AsyncIterable<{ a: NdArray<'float64'> }>) =>
    (await collect(batches)).map(({ a }) => a.data[0]! + a.data[1]!).sort()

  it('ignores the context, in pipe() and in a DataLoader', async () => {
    const batches = new PipelineBuilder().addSource(records).aggregate(2)
    assert.deepEqual(await sums(batches.pipe(collate).build()), [3, 7])
    assert.deepEqual(await sums(batches.pipe(collate, { retry: 1 }).build()), [3, 7])
    assert.deepEqual(await sums(new DataLoader(records, { batchSize: 2, collate })), [3, 7])
  })

  it('runs by reference in threads and in a region, with options bound to it', async () => {
    const loader = workerModule<{
      collate(records: { a: number }[], options?: object): { a: NdArray<'float64'> }
    }>(import.meta.resolve('spindle/loader'))
    const batches = new PipelineBuilder().addSource(records).aggregate(2)
    assert.deepEqual(await sums(batches.pipe(loader.collate).build()), [3, 7])
    const options = { numbers: 'float64' }
    const region = batches.to(workers({ count: 1 })).pipe(loader.collate.with(options))
    assert.deepEqual(await sums(region.build()), [3, 7])
  })
})
