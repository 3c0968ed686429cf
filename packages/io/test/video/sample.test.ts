import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Rng } from 'spindle'
import { type SampleVideoOptions, sampleVideo, type VideoArray } from '../../src/index.ts'
import { loadVideoSync, sampleVideoSync } from '../../src/sync.ts'
import { framesOf, selectionOf } from '../../src/video/sampling.ts'
import { numbers } from '../support.ts'
import { clips } from './video-support.ts'

const FRAME = 96 * 64 * 3

/** Whether an array holds these frames of another, bit by bit. */
function holds(
  part: VideoArray,
  whole: VideoArray,
  indices: readonly number[],
  name: string,
): void {
  assert.deepEqual(
    [...part.timestampsSec],
    indices.map((i) => whole.timestampsSec[i]),
    name,
  )
  assert.deepEqual(
    [...part.isKeyframe],
    indices.map((i) => whole.isKeyframe[i]),
    name,
  )
  const expected = Buffer.concat(
    indices.map((i) => whole.data.subarray(i * FRAME, (i + 1) * FRAME)),
  )
  assert.ok(expected.equals(part.data), `${name}: other pixels`)
}

describe('sampleVideo', () => {
  const paths = clips()
  const clip = paths['h264.mp4']!

  it('any frames, in any order and repeated, are those of the whole, in every format', () => {
    const random = numbers(7)
    for (const [name, path] of Object.entries(paths)) {
      const whole = loadVideoSync(path)
      const total = whole.shape[0]!
      for (const count of [1, 3, 12]) {
        const indices = Array.from({ length: count }, () => random(total))
        holds(sampleVideoSync(path, { indices }), whole, indices, `${name} ${indices}`)
      }
      const all = Array.from({ length: total }, (_, i) => total - 1 - i)
      holds(sampleVideoSync(path, { indices: all }), whole, all, name)
    }
  })

  it('by time, with three ways to round', async () => {
    const whole = loadVideoSync(clip)
    const timestampsSec = [1, 0.03, 2.019, 2.021, -5, 77]
    const of = async (rounding?: 'floor' | 'nearest' | 'ceil'): Promise<VideoArray> =>
      sampleVideo(clip, { timestampsSec, ...(rounding && { rounding }) })
    holds(await of(), whole, [25, 0, 50, 50, 0, 74], 'floor by default')
    holds(await of('nearest'), whole, [25, 1, 50, 51, 0, 74], 'nearest')
    holds(await of('ceil'), whole, [25, 1, 51, 51, 0, 74], 'ceil')
  })

  it('every so many, so many in all, and keyframes', async () => {
    const whole = loadVideoSync(clip)
    holds(await sampleVideo(clip, { every: 30 }), whole, [0, 30, 60], 'every')
    holds(await sampleVideo(clip, { count: 3 }), whole, [12, 37, 62], 'count')
    holds(await sampleVideo(clip, { keyframes: true }), whole, [0, 25, 50], 'keyframes')
    const many = await sampleVideo(clip, { count: 150 })
    assert.deepEqual(many.shape, [150, 64, 96, 3])
    assert.equal(many.timestampsSec[149], 74 / 25)
  })

  it('clips have an axis of their own; what is too short ends with its last frame again', async () => {
    const whole = loadVideoSync(clip)
    const three = await sampleVideo(clip, { clips: { length: 4, stride: 5, count: 3 } })
    assert.deepEqual(three.shape, [3, 4, 64, 96, 3])
    holds(three, whole, [0, 5, 10, 15, 30, 35, 40, 45, 59, 64, 69, 74], 'three')
    holds(
      await sampleVideo(clip, { clips: { length: 3, stride: 10 } }),
      whole,
      [27, 37, 47],
      'one, in the middle',
    )
    const long = await sampleVideo(clip, { clips: { length: 4, stride: 30 } })
    holds(long, whole, [0, 30, 60, 74], 'too short')
  })

  it('in a window frames count from its start', async () => {
    const whole = loadVideoSync(clip)
    const window = [1, 2] as const
    holds(await sampleVideo(clip, { window, indices: [0, 2, 24] }), whole, [25, 27, 49], 'indices')
    holds(await sampleVideo(clip, { window, count: 2 }), whole, [31, 43], 'count')
    await assert.rejects(sampleVideo(clip, { window, indices: [25] }), {
      code: 'ERR_BAD_OPTION',
      message: /`indices\[0\]` must be less than 25, the number of frames, got 25/,
    })
  })

  it('drawn at random, the same generator draws the same frames', async () => {
    const draw = (seed: number, options: SampleVideoOptions): VideoArray =>
      sampleVideoSync(clip, { ...options, random: true, rng: Rng.from(seed) }) as VideoArray
    const first = draw(1, { count: 5 })
    assert.deepEqual(first.timestampsSec, draw(1, { count: 5 }).timestampsSec)
    assert.notDeepEqual(first.timestampsSec, draw(2, { count: 5 }).timestampsSec)
    for (const [i, time] of first.timestampsSec.entries()) {
      assert.ok(Math.round(time * 25) >= i * 15 && Math.round(time * 25) < i * 15 + 15)
    }
    const clipped = draw(3, { clips: { length: 8, stride: 2, count: 2 } })
    const [a, b] = [clipped.timestampsSec[0]!, clipped.timestampsSec[8]!]
    assert.ok(a >= 0 && a < b && Math.round(b * 25) <= 75 - 15)
  })

  it('an array that is given is filled, shared memory by the threads themselves', async () => {
    const options = { indices: [3, 70], width: 32, height: 24, layout: 'NCHW' } as const
    const expected = sampleVideoSync(clip, options)
    for (const memory of [
      new ArrayBuffer(2 * 3 * 24 * 32),
      new SharedArrayBuffer(2 * 3 * 24 * 32),
    ]) {
      const into = {
        data: new Uint8Array(memory as ArrayBuffer),
        dtype: 'uint8',
        shape: [2, 3, 24, 32],
      } as const
      const { data } = await sampleVideo(clip, { ...options, into })
      assert.equal(data, into.data)
      assert.deepEqual([...data], [...expected.data])
    }
    const shared = await sampleVideo(clip, { ...options, shared: true })
    assert.ok(shared.data.buffer instanceof SharedArrayBuffer)
    await assert.rejects(
      sampleVideo(clip, { ...options, into: { ...shared, shape: [3, 3, 24, 32] } }),
      {
        code: 'ERR_BAD_OPTION',
      },
    )
  })
})

describe('a selection', () => {
  const timesSec = Array.from({ length: 10 }, (_, i) => i / 10)
  const isKeyframe = timesSec.map((_, i) => i % 4 === 0)
  const of = (options: SampleVideoOptions): number[] =>
    framesOf(selectionOf(options), { timesSec, isKeyframe })

  it('stays within the video, whatever is drawn', () => {
    for (const draw of [0, 0.5, 1 - 2 ** -53]) {
      const rng = { next: () => draw } as Rng
      for (const count of [1, 3, 10, 25]) {
        for (const index of of({ count, random: true, rng })) assert.ok(index >= 0 && index < 10)
        for (const length of [1, 4, 12]) {
          const all = of({ clips: { length, stride: 3, count }, random: true, rng })
          assert.equal(all.length, count * length)
          for (const index of all) assert.ok(index >= 0 && index < 10)
        }
      }
    }
  })

  it('must be one, and a sound one', () => {
    const bad: [object, RegExp][] = [
      [{}, /exactly one of `indices`, .* must be given, got none/],
      [{ every: 2, count: 3 }, /got every and count/],
      [{ indices: [] }, /`indices` must be an array of at least one/],
      [{ indices: [1, -1] }, /`indices\[1\]` must be one of integers >= 0, got -1/],
      [
        { timestampsSec: [Number.NaN] },
        /`timestampsSec\[0\]` must be one of finite numbers, got NaN/,
      ],
      [{ count: 0 }, /`count` must be an integer from 1/],
      [{ count: 2, random: true }, /`rng` must be given with `random`/],
      [{ every: 2, random: true, rng: Rng.from(1) }, /`random` must be left out/],
      [{ indices: [1], rounding: 'ceil' }, /`rounding` must be left out/],
      [{ keyframes: false }, /`keyframes` must be true, got false/],
      [
        { clips: { stride: 2 } },
        /`clips.length` must be an integer from 1 to 10000, got undefined/,
      ],
      [{ clips: { length: 2, gap: 1 } }, /unknown option `gap` of `clips`/],
      [{ clips: { length: 0 } }, /`clips.length` must be an integer from 1/],
    ]
    for (const [options, message] of bad) {
      assert.throws(() => selectionOf(options), { code: 'ERR_BAD_OPTION', message })
    }
    assert.throws(() => sampleVideoSync('x', { count: 1, hight: 2 } as never), {
      message: /unknown option/,
    })
  })
})
