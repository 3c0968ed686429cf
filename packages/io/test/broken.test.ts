import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
import { type LoadImageOptions, loadImage, loadImageBatch } from '../src/index.ts'
import { loadImageBatchSync, loadImageSync } from '../src/sync.ts'
import type * as Ops from './fixtures/image-ops.ts'
import { catPixels, numbers, toSharp } from './support.ts'

// Broken files through every placement: each must come out as an array of the right shape or as a failure that is named, and none may be lost.

const cat = await catPixels(48, 32)
const whole: Record<string, Buffer> = {
  jpeg: await toSharp(cat).jpeg({ quality: 85 }).toBuffer(),
  'progressive jpeg': await toSharp(cat).jpeg({ quality: 85, progressive: true }).toBuffer(),
  'cmyk jpeg': await toSharp(cat).toColourspace('cmyk').jpeg().toBuffer(),
  png: await toSharp(cat).png().toBuffer(),
  'interlaced png': await toSharp(cat).png({ progressive: true }).toBuffer(),
  'palette png': await toSharp(cat).png({ palette: true, colours: 16 }).toBuffer(),
  webp: await toSharp(cat).webp({ quality: 80 }).toBuffer(),
  'lossless webp': await toSharp(cat).webp({ lossless: true }).toBuffer(),
  gif: await toSharp(cat).gif().toBuffer(),
  tiff: await toSharp(cat).tiff({ compression: 'lzw' }).toBuffer(),
  avif: await toSharp(cat).avif({ quality: 60 }).toBuffer(),
}

const before = Object.values(whole).map((bytes) => loadImageSync(bytes).data)

/** Cut at each of 40 places, bits flipped, runs overwritten, and headers whose sizes and counts lie. */
function mutations(bytes: Buffer): Buffer[] {
  const random = numbers(bytes.length)
  const cuts = Array.from({ length: 40 }, (_, i) => bytes.subarray(0, Math.floor((bytes.length * i) / 40)))
  const changed = (count: number, change: (copy: Buffer) => void): Buffer[] =>
    Array.from({ length: count }, () => {
      const copy = Buffer.from(bytes)
      change(copy)
      return copy
    })
  const flip = (copy: Buffer): void => {
    for (let i = 0; i <= random(4); i++) {
      const at = random(copy.length)
      copy[at] = copy[at]! ^ (1 << random(8))
    }
  }
  const overwrite = (copy: Buffer): void => {
    const at = random(copy.length)
    copy.fill(random(256), at, Math.min(copy.length, at + 1 + random(20)))
  }
  const lie = (copy: Buffer): void => {
    const at = random(Math.min(160, copy.length - 4))
    copy.writeUInt32BE([0, 0xffffffff, 0x7fffffff, 0x00010000, 0x00ffffff][random(5)]!, at)
  }
  return [...cuts, ...changed(60, flip), ...changed(30, overwrite), ...changed(60, lie)]
}

const files = Object.values(whole).flatMap((bytes) => [...mutations(bytes), bytes])
const size = { width: 24, height: 16 } as const

/** The pixels of a good image, the message of a failure. */
const outcomes: (Uint8Array | string)[] = files.map((bytes) => {
  try {
    const { data, shape } = loadImageSync(bytes, size)
    assert.deepEqual(shape, [16, 24, 3])
    assert.equal(data.length, 16 * 24 * 3)
    return data
  } catch (error) {
    return nameOf(error, bytes)
  }
})

function isGood(outcome: Uint8Array | string): outcome is Uint8Array {
  return typeof outcome !== 'string'
}

function nameOf(error: unknown, bytes: Buffer): string {
  const { name, code, message } = error as { name: string; code: string; message: string }
  assert.equal(name, 'MediaError', String((error as Error).stack))
  assert.ok(code === 'ERR_DECODE' || code === 'ERR_UNSUPPORTED', code)
  assert.ok(message.startsWith(`${bytes.length} bytes: `), message)
  return message
}

describe(`${files.length} broken files`, () => {
  it('synchronously: images or named failures, and whole files decode as ever afterwards', () => {
    const good = outcomes.filter(isGood).length
    assert.ok(good > Object.keys(whole).length && good < files.length / 2, `${good} of ${files.length}`)
    const after = Object.values(whole).map((bytes) => loadImageSync(bytes).data)
    assert.deepEqual(after, before)
  })

  it('no file that is cut short passes for a whole one', () => {
    const passed = files.flatMap((bytes, i) => {
      const isCut = Object.values(whole).some(
        (one) => bytes.length < one.length && one.subarray(0, bytes.length).equals(bytes),
      )
      return isCut && isGood(outcomes[i]!) ? [`${bytes.length} bytes`] : []
    })
    assert.deepEqual(passed, [])
  })

  it('in the pool: the same outcomes, one by one', async () => {
    const settled = await Promise.allSettled(files.map((bytes) => loadImage(bytes, size)))
    for (const [i, outcome] of settled.entries()) {
      assert.deepEqual(
        outcome.status === 'fulfilled' ? outcome.value.data : nameOf(outcome.reason, files[i]!),
        outcomes[i],
      )
    }
  })

  it('in the pool: the same outcomes, as batches, whose counts are exact', async () => {
    for (const load of [loadImageBatch, loadImageBatchSync]) {
      const { shape, indices, failures } = await load(files, { ...size, strict: false })
      assert.equal(indices.length + failures.length, files.length)
      assert.equal(shape[0], indices.length)
      assert.deepEqual(
        indices,
        outcomes.flatMap((outcome, i) => (isGood(outcome) ? [i] : [])),
      )
      for (const { index, error } of failures) assert.equal(nameOf(error, files[index]!), outcomes[index])
    }
  })

  it('in a pipeline: on the loop, and in worker threads of its own', async () => {
    const ops = workerModule<typeof Ops>(new URL('./fixtures/image-ops.js', import.meta.url).href)
    const good = outcomes.filter(isGood).length
    await using executor = new ThreadPool({ size: 2 })
    const builders = [
      new PipelineBuilder()
        .addSource(files)
        .pipe((bytes) => loadImage(bytes, size), { name: 'load', concurrency: 8, maxFailures: Infinity }),
      new PipelineBuilder()
        .addSource(files)
        .pipe(ops.decode, { name: 'load', executor, concurrency: 8, maxFailures: Infinity }),
    ]
    for (const builder of builders) {
      const pipeline = builder.build({ logger: { warn() {}, error() {}, info() {}, debug() {} } as never })
      let images = 0
      for await (const { shape } of pipeline) {
        assert.deepEqual(shape, [16, 24, 3])
        images += 1
      }
      const stage = pipeline.stats().stages.find(({ name }) => name === 'load')
      assert.deepEqual([images, stage?.failures], [good, files.length - good])
    }
  })

  it('other pixel formats, animations and augmentation: no worse', () => {
    const variants: LoadImageOptions[] = [
      { ...size, pixelFormat: 'nv12' },
      { ...size, pixelFormat: 'rgba', layout: 'CHW' },
      { frames: 'all', normalize: {} },
    ]
    for (const options of variants) {
      for (const bytes of files) {
        try {
          loadImageSync(bytes, options)
        } catch (error) {
          nameOf(error, bytes)
        }
      }
    }
  })
})
