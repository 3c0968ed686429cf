import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as api from '../../src/index.ts'
import { type LoadImageOptions, loadImage, loadImageBatch, type NdArray } from '../../src/index.ts'
import * as sync from '../../src/sync.ts'
import { loadImageBatchSync, loadImageSync } from '../../src/sync.ts'
import { PHOTOS, photo } from '../support.ts'

const names = [
  'stream-1.jpg',
  'cat-1.png',
  'temple-1.gif',
  'rocket-1.webp',
  'pasture-1.avif',
  'dogs-turned.jpg',
]
const size = { width: 40, height: 30 }

describe('synchronous loading', () => {
  const variants: LoadImageOptions[] = [
    {},
    size,
    { ...size, layout: 'CHW', mode: 'crop', normalize: { mean: 0.5, std: 0.25 } },
    { ...size, pixelFormat: 'nv12', algorithm: 'lanczos' },
    { width: 64, pixelFormat: 'gray16' },
  ]
  for (const options of variants) {
    it(`gives what loadImage gives: ${JSON.stringify(options)}`, async () => {
      for (const name of names)
        assert.deepEqual(
          loadImageSync(PHOTOS + name, options),
          await loadImage(photo(name), options),
        )
    })
  }

  it('takes paths, file: URLs and bytes of every kind, and no others', () => {
    const bytes = photo('cat-small.jpg')
    const shared = new SharedArrayBuffer(bytes.length)
    new Uint8Array(shared).set(bytes)
    const expected = loadImageSync(bytes, size)
    const sources = [
      `${PHOTOS}cat-small.jpg`,
      pathToFileURL(`${PHOTOS}cat-small.jpg`),
      Uint8Array.from(bytes),
      shared,
      Uint8Array.from(bytes).buffer,
    ]
    for (const source of sources) assert.deepEqual(loadImageSync(source, size), expected)
    for (const source of [new Blob([bytes]), new URL('https://example.org/cat.jpg')]) {
      assert.throws(() => loadImageSync(source as URL), {
        code: 'ERR_BAD_OPTION',
        message: /^`source` must be readable without waiting/,
      })
    }
    assert.throws(() => loadImageSync(bytes, { backend: 'sharp' }), {
      code: 'ERR_BAD_OPTION',
      message: /no synchronous calls/,
    })
  })

  it('throws the same errors, with the library’s own as cause', async () => {
    for (const source of [
      `${PHOTOS}damaged/truncated.png`,
      `${PHOTOS}damaged/empty.jpg`,
      'no-such-file.jpg',
      photo('damaged/truncated.jpg'),
    ]) {
      const {
        name,
        code,
        message,
        source: named,
      } = await loadImage(source).then(
        () => assert.fail(),
        (e) => e,
      )
      assert.throws(() => loadImageSync(source), { name, code, message, source: named })
      assert.throws(
        () => loadImageSync(source),
        ({ cause }: Error) => cause instanceof Error,
      )
    }
  })

  it('a batch is what loadImageBatch gives, failures and all', async () => {
    const sources = [
      ...names.map((name) => PHOTOS + name),
      `${PHOTOS}damaged/empty.jpg`,
      photo('fig-1.jpg'),
    ]
    const options = { ...size, strict: false, layout: 'CHW' } as const
    const one = loadImageBatchSync(sources, options)
    const other = await loadImageBatch(sources, options)
    assert.deepEqual([one.shape, one.indices], [other.shape, other.indices])
    assert.deepEqual(one.data, other.data)
    assert.deepEqual(
      one.failures.map(({ index, error }) => [index, error.message]),
      other.failures.map(({ index, error }) => [index, error.message]),
    )
    assert.throws(() => loadImageBatchSync(sources, size), {
      code: 'ERR_DECODE',
      message: /empty\.jpg: is empty$/,
    })
  })

  it('a batch fills an array that it is given, or shared memory', () => {
    const sources = names.map((name) => PHOTOS + name)
    const data = new Float32Array(6 * 3600)
    const into: NdArray = { data, dtype: 'float32', shape: [6, 30, 40, 3] }
    const batch = loadImageBatchSync(sources, { ...size, into, normalize: {} })
    assert.equal(batch.data, data)
    const shared = loadImageBatchSync(sources, { ...size, shared: true, normalize: {} })
    assert.ok((shared.data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer)
    assert.deepEqual(Array.from(shared.data), Array.from(data))
  })

  it('looks at its signal between images', () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    let read = 0
    const sources = names.map((name) => PHOTOS + name)
    // A signal that aborts when it has been looked at three times: nothing else can happen in
    // between.
    Object.defineProperty(controller.signal, 'aborted', { get: () => ++read > 3 })
    Object.defineProperty(controller.signal, 'throwIfAborted', {
      value: () => {
        if (read > 3) throw reason
      },
    })
    assert.throws(() => loadImageBatchSync(sources, { ...size, signal: controller.signal }), reason)
    assert.equal(read, 4)
  })
})

describe('@spindle/io/sync', () => {
  const decoders = Object.keys(api).filter((name) =>
    /^(?:load|stream|sample|probe|iterateTar)/.test(name),
  )

  it('has one name for each function, that of the asynchronous form and `Sync`', () => {
    for (const name of Object.keys(sync)) {
      assert.match(name, /Sync$/)
      assert.ok(name in api || name.replace(/Sync$/, '') in api, name)
    }
  })

  it('has every function that decodes, but those of FFmpeg’s chain, tar members and web streams', () => {
    const missing = decoders.filter((name) => !(`${name}Sync` in sync))
    assert.deepEqual(missing.sort(), ['streamArrow', 'streamFrames', 'streamPackets', 'streamTar'])
  })

  it('throws what the asynchronous form rejects with', async () => {
    const nothing = new Uint8Array(0)
    const calls: [string, ...unknown[]][] = [
      ...['loadImage', 'loadAudio', 'loadVideo', 'probe', 'loadNpy', 'loadWav'].map(
        (name): [string, unknown] => [name, nothing],
      ),
      ['sampleVideo', nothing, { count: 2 }],
      ['loadSafetensors', nothing],
      ['loadImage', nothing, { width: 0 }],
      ['loadAudio', nothing, { channels: 9 }],
      ['loadVideo', nothing, { nonsense: 1 }],
      ['encodeImage', { data: nothing, dtype: 'uint8', shape: [1] }, { format: 'png' }],
      ['encodeAudio', { data: nothing, dtype: 'uint8', shape: [0] }, { format: 'tune' }],
    ]
    const functions = { ...api, ...sync } as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >
    for (const [name, ...args] of calls) {
      const told = async (work: () => unknown): Promise<unknown> => {
        try {
          return await work()
        } catch (error) {
          const { code, message } = error as { code: string; message: string }
          return { code, message }
        }
      }
      const expected = (await told(() => functions[name]!(...args))) as { code: string }
      assert.equal(typeof expected.code, 'string', name)
      assert.deepEqual(await told(() => functions[`${name}Sync`]!(...args)), expected, name)
    }
  })
})
