import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LoadImageOptions, loadImage, loadImageBatch } from '../../src/index.ts'
import { loadImageBatchSync, loadImageSync } from '../../src/sync.ts'
import { mutations } from '../corpus/mutations.ts'
import { imageSeeds } from '../corpus/seeds.ts'

// Broken images, one by one and in batches: each must come out as an array of the right shape or as
// a failure that is named, and none may be lost. `corpus/placements.test.ts` sends files of all
// formats through every placement.

const seeds = (await imageSeeds(48, 32)).map(({ bytes }) => bytes)
const before = seeds.map((bytes) => loadImageSync(bytes).data)

const amounts = { cuts: 40, flips: 60, overwrites: 30, lies: 60 }
const files = seeds.flatMap((bytes) => [...mutations(bytes, amounts), bytes])
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
  assert.ok(['ERR_DECODE', 'ERR_UNSUPPORTED', 'ERR_TOO_LARGE'].includes(code), code)
  assert.ok(message.startsWith(`${bytes.length} bytes: `), message)
  return message
}

describe(`${files.length} broken files`, () => {
  it('synchronously: images or named failures, and whole files decode as ever afterwards', () => {
    const good = outcomes.filter(isGood).length
    assert.ok(good > seeds.length && good < files.length / 2, `${good} of ${files.length}`)
    const after = seeds.map((bytes) => loadImageSync(bytes).data)
    assert.deepEqual(after, before)
  })

  it('no file that is cut short passes for a whole one', () => {
    const passed = files.flatMap((bytes, i) => {
      const isCut = seeds.some(
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
      for (const { index, error } of failures)
        assert.equal(nameOf(error, files[index]!), outcomes[index])
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
