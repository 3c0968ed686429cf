import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  giveBack,
  type ImageSource,
  loadImage,
  loadImageBatch,
  MediaError,
  type NdArray,
} from '../../src/index.ts'
import { BACKENDS, PHOTOS, photo } from '../support.ts'

const GOOD = [
  'cat-1.png',
  'temple-1.gif',
  'rocket-1.webp',
  'dogs-turned.jpg',
  'pasture-1.avif',
  'fig-1.jpg',
]
const size = { width: 40, height: 30 }
const rowOf = ({ data, shape }: NdArray<'uint8'>, row: number): Buffer => {
  const length = data.length / shape[0]!
  return Buffer.from(data.subarray(row * length, (row + 1) * length))
}

describe('batch', () => {
  for (const backend of BACKENDS) {
    for (const layout of ['HWC', 'CHW'] as const) {
      it(`${backend} ${layout}: each row is what loadImage gives`, async () => {
        const sources = GOOD.map((name) => PHOTOS + name)
        const batch = await loadImageBatch(sources, { ...size, mode: 'crop', layout, backend })
        assert.deepEqual(batch.shape, layout === 'HWC' ? [6, 30, 40, 3] : [6, 3, 30, 40])
        assert.equal(batch.data.byteLength, batch.data.buffer.byteLength, 'one allocation')
        assert.deepEqual(batch.indices, [0, 1, 2, 3, 4, 5])
        assert.deepEqual(batch.failures, [])
        for (const [row, source] of sources.entries()) {
          const alone = await loadImage(source, { ...size, mode: 'crop', layout, backend })
          assert.deepEqual(rowOf(batch, row), Buffer.from(alone.data), source)
        }
      })
    }

    it(`${backend}: leaves out what failed, and says what and why`, async () => {
      const sources: ImageSource[] = [
        `${PHOTOS}damaged/empty.jpg`,
        photo('cat-1.png'),
        photo('damaged/truncated.png'),
        `${PHOTOS}does-not-exist.jpg`,
        photo('fig-1.jpg'),
        photo('damaged/not-an-image.jpg'),
      ]
      const batch = await loadImageBatch(sources, { ...size, strict: false, backend })
      assert.deepEqual(batch.shape, [2, 30, 40, 3])
      assert.equal(batch.data.length, 2 * 30 * 40 * 3)
      assert.deepEqual(batch.indices, [1, 4])
      assert.deepEqual(
        batch.failures.map(({ index, error }) => [index, error.code]),
        [
          [0, 'ERR_DECODE'],
          [2, 'ERR_DECODE'],
          [3, 'ERR_READ'],
          [5, 'ERR_DECODE'],
        ],
      )
      for (const { index, source, error } of batch.failures) {
        assert.equal(source, sources[index])
        assert.ok(error instanceof MediaError)
      }
      for (const [row, index] of batch.indices.entries()) {
        assert.deepEqual(
          rowOf(batch, row),
          Buffer.from((await loadImage(sources[index]!, { ...size, backend })).data),
        )
      }
    })
  }

  it('is empty, not an error, where everything failed and strict is off', async () => {
    const batch = await loadImageBatch([Buffer.from('no'), Buffer.alloc(0)], {
      ...size,
      strict: false,
    })
    assert.deepEqual(batch.shape, [0, 30, 40, 3])
    assert.equal(batch.data.length, 0)
    assert.equal(batch.failures.length, 2)
  })

  it('is strict by default: throws the error of the failed source that comes first', async () => {
    const sources = [
      photo('fig-1.jpg'),
      `${PHOTOS}damaged/empty.jpg`,
      photo('damaged/truncated.jpg'),
    ]
    for (const concurrency of [1, 3]) {
      await assert.rejects(loadImageBatch(sources, { ...size, concurrency }), {
        code: 'ERR_DECODE',
        message: `${PHOTOS}damaged/empty.jpg: is empty`,
      })
    }
  })

  it('has given up its memory when it rejects', async () => {
    const into = {
      data: new Uint8Array(9 * 30 * 40 * 3),
      dtype: 'uint8',
      shape: [9, 30, 40, 3],
    } as const
    const sources = [
      Buffer.from('no'),
      ...Array.from({ length: 8 }, () => photo('stream-large.jpg')),
    ]
    await assert.rejects(loadImageBatch(sources, { ...size, into, concurrency: 9 }))
    const then = Buffer.from(into.data)
    await Promise.all(sources.slice(1).map((source) => loadImage(source, size)))
    assert.deepEqual(Buffer.from(into.data), then)
  })

  it('fills an array that it is given, and leaves nothing of what was in it', async () => {
    const data = new Uint8Array(2 * 3 * 64 * 64).fill(255)
    const into = { data, dtype: 'uint8', shape: [2, 3, 64, 64] } as const
    const sources = [photo('pasture-wide.jpg'), photo('cat-small.jpg')]
    const options = { width: 64, height: 64, layout: 'CHW' } as const
    const batch = await loadImageBatch(sources, { ...options, into })
    assert.equal(batch.data, data)
    const fresh = await loadImageBatch(sources, options)
    assert.deepEqual(Buffer.from(batch.data), Buffer.from(fresh.data))
    assert.equal(batch.data[0], 0, 'padding is black again')
  })

  it('refuses an array that does not fit', async () => {
    const refuse = (into: unknown, message: RegExp): Promise<void> =>
      assert.rejects(loadImageBatch([photo('cat-small.jpg')], { ...size, into: into as NdArray }), {
        code: 'ERR_BAD_OPTION',
        message,
      })
    const data = new Uint8Array(3600)
    await refuse(
      { data, dtype: 'uint8', shape: [30, 40, 3] },
      /^`into` must be a uint8 array of shape \[1,30,40,3\], got uint8 \[30,40,3\]$/,
    )
    await refuse(
      { data: new Float32Array(3600), dtype: 'float32', shape: [1, 30, 40, 3] },
      /got float32/,
    )
    await refuse(
      { data: data.subarray(1), dtype: 'uint8', shape: [1, 30, 40, 3] },
      /`into\.data` must be of 3600 elements.*got 3599/,
    )
    await refuse(7, /got 7$/)
  })

  it('writes into shared memory too', async () => {
    const data = new Uint8Array(new SharedArrayBuffer(30 * 40 * 3))
    for (const backend of BACKENDS) {
      const into = { data, dtype: 'uint8', shape: [1, 30, 40, 3] } as const
      await loadImageBatch([photo('cat-small.jpg')], { ...size, into, backend })
      assert.deepEqual(
        Buffer.from(data),
        Buffer.from((await loadImage(photo('cat-small.jpg'), { ...size, backend })).data),
      )
    }
  })

  it('never has more than `concurrency` images under way', async () => {
    let open = 0
    let most = 0
    class Counted extends Blob {
      override async arrayBuffer(): Promise<ArrayBuffer> {
        most = Math.max(most, ++open)
        const bytes = await super.arrayBuffer()
        open -= 1
        return bytes
      }
    }
    const sources = Array.from({ length: 20 }, () => new Counted([photo('cat-small.jpg')]))
    await loadImageBatch(sources, { ...size, concurrency: 3 })
    assert.equal(most, 3)
  })

  it('stops when it is aborted, with the reason', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    let started = 0
    class Aborting extends Blob {
      override arrayBuffer(): Promise<ArrayBuffer> {
        if (++started === 4) controller.abort(reason)
        return super.arrayBuffer()
      }
    }
    const sources = Array.from({ length: 30 }, () => new Aborting([photo('cat-small.jpg')]))
    await assert.rejects(
      loadImageBatch(sources, {
        ...size,
        concurrency: 2,
        signal: controller.signal,
        strict: false,
      }),
      reason,
    )
    assert.ok(started < 8)
  })

  it('makes an ordinary ArrayBuffer, or shared memory where that is asked for', async () => {
    for (const backend of BACKENDS) {
      for (const count of [2, 40]) {
        const sources = Array.from({ length: count }, () => photo('cat-small.jpg'))
        const plain = await loadImageBatch(sources, { ...size, backend })
        assert.ok(plain.data.buffer instanceof ArrayBuffer)
        const shared = await loadImageBatch(sources, { ...size, backend, shared: true })
        assert.ok((shared.data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer)
        assert.deepEqual(Buffer.from(shared.data), Buffer.from(plain.data))
      }
    }
  })

  it('is the same whether one thread makes it or several, failures among them or not', async () => {
    const bad = Buffer.from('no')
    for (const failing of [[], [0], [7], [3, 4, 5, 6], [0, 1, 14, 15]]) {
      const sources = Array.from({ length: 16 }, (_, i) =>
        failing.includes(i) ? bad : photo(GOOD[i % GOOD.length]!),
      )
      const data = new Uint8Array(16 * 3600)
      const options = { ...size, strict: false } as const
      const batches = [
        await loadImageBatch(sources, { ...options, concurrency: 1 }),
        await loadImageBatch(sources, { ...options, concurrency: 16 }),
        await loadImageBatch(sources, { ...options, shared: true }),
        await loadImageBatch(sources, {
          ...options,
          into: { data, dtype: 'uint8', shape: [16, 30, 40, 3] },
        }),
        ...(await Promise.all([1, 2, 3].map(() => loadImageBatch(sources, options)))),
      ]
      for (const batch of batches) {
        assert.deepEqual(batch.shape, [16 - failing.length, 30, 40, 3])
        assert.deepEqual(
          batch.failures.map(({ index }) => index),
          failing,
        )
        assert.deepEqual(Buffer.from(batch.data), Buffer.from(batches[0]!.data))
      }
    }
  })

  it('strict: the failed source that comes first decides, in whichever part it is', async () => {
    const sources = Array.from({ length: 24 }, () => photo('cat-small.jpg'))
    for (const failing of [[2, 20], [20], [11, 12]]) {
      const mixed = sources.map((source, i) =>
        failing.includes(i) ? Buffer.alloc(i + 1, 65) : source,
      )
      await assert.rejects(loadImageBatch(mixed, size), { source: `${failing[0]! + 1} bytes` })
    }
  })

  it('leaves the loop free while a large batch is decoded', async () => {
    const sources = Array.from({ length: 60 }, () => `${PHOTOS}stream-large.jpg`)
    await loadImageBatch(sources.slice(0, 2), size)
    let turns = 0
    let isDone = false
    const batch = loadImageBatch(sources, size).finally(() => {
      isDone = true
    })
    while (!isDone) {
      turns += 1
      await new Promise((resolve) => setImmediate(resolve))
    }
    await batch
    // Were it decoded here, there would be a turn or two for each image.
    assert.ok(turns > 300, `${turns} turns`)
  })

  it('gives memory back: what is given is empty here, and what comes later is right', async () => {
    const sources = GOOD.map((name) => PHOTOS + name)
    const expected = Buffer.from((await loadImageBatch(sources, size)).data)
    for (let i = 0; i < 20; i++) {
      const [batch, image] = await Promise.all([
        loadImageBatch(sources, size),
        loadImage(sources[0]!, size),
      ])
      assert.deepEqual(Buffer.from(batch.data), expected)
      assert.deepEqual(Buffer.from(image.data), expected.subarray(0, 3600))
      if (i % 3 === 0) continue // some are kept
      giveBack(batch)
      giveBack([image])
      assert.deepEqual([batch.data.length, image.data.length], [0, 0])
    }
    giveBack(undefined)
  })
})
