import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { loadVideo, type MediaError, probe, sampleVideo, type VideoArray } from '../../src/index.ts'
import { encodeAudioSync, loadVideoSync, sampleVideoSync } from '../../src/sync.ts'
import { numbers } from '../support.ts'
import { video } from './video-support.ts'

const small = { width: 32, height: 24 } as const

/**
 * What came of it: an array that is one, or a fault that names its source; anything else fails the
 * test.
 */
function outcome(bytes: Uint8Array, result: unknown): 'whole' | 'partly' | 'refused' {
  if (!(result instanceof Error)) {
    const { data, shape, timestampsSec, failures } = result as VideoArray
    assert.equal(
      data.length,
      shape.reduce((size, side) => size * side, 1),
    )
    assert.equal(timestampsSec.length, shape[0])
    for (const { error, timeSec } of failures) {
      assert.equal(error.source, `${bytes.length} bytes`)
      assert.ok(timeSec >= 0)
    }
    return failures.length === 0 ? 'whole' : 'partly'
  }
  const { name, code, message } = result as MediaError
  assert.equal(name, 'MediaError', String(result))
  assert.match(code, /^ERR_(?:DECODE|UNSUPPORTED|BAD_OPTION|TOO_LARGE)$/, message)
  assert.ok(message.startsWith(`${bytes.length} bytes: `), message)
  return 'refused'
}

function attempt(bytes: Uint8Array, work: () => unknown): ReturnType<typeof outcome> {
  try {
    return outcome(bytes, work())
  } catch (error) {
    return outcome(bytes, error)
  }
}

/** A copy with some bytes changed, of those from `from` on. */
function mutated(
  whole: Uint8Array,
  random: (below: number) => number,
  from: number,
  count: number,
): Uint8Array {
  const bytes = Uint8Array.from(whole)
  for (let i = 0; i < count; i++) {
    const at = from + random(bytes.length - from)
    bytes[at] = random(2) === 0 ? random(256) : bytes[at]! ^ (1 << random(8))
  }
  return bytes
}

describe('damaged video', () => {
  const kept = {
    mp4: 'h264.mp4',
    m2t: 'h264.m2t',
    webm: 'vp9.webm',
    avi: 'mpeg4.avi',
    mkv: 'mjpeg.mkv',
  }
  const files = Object.fromEntries(
    Object.entries(kept).map(([extension, name]) => [
      name,
      readFileSync(video(`damage.${extension}`)),
    ]),
  )

  it('a file that is cut off is an error; leniently, what is there is given', async () => {
    for (const [name, whole] of Object.entries(files)) {
      assert.equal(
        attempt(whole, () => loadVideoSync(whole, small)),
        'whole',
        name,
      )
      for (const part of [0, 0.001, 0.1, 0.5, 0.9]) {
        const bytes = whole.subarray(0, Math.floor(whole.length * part))
        const strict = outcome(
          bytes,
          await loadVideo(bytes, small).catch((error: unknown) => error),
        )
        // A transport stream may end anywhere, and has no length.
        if (name !== 'h264.m2t') assert.equal(strict, 'refused', `${name} ${part}`)
        const lenient = attempt(bytes, () => loadVideoSync(bytes, { ...small, strict: false }))
        if (part >= 0.5 && name !== 'h264.m2t') assert.equal(lenient, 'partly', `${name} ${part}`)
      }
    }
  })

  it('only damage from the keyframe before the window on counts', () => {
    const whole = files['h264.mp4']!
    const at = Math.floor(whole.length * 0.9)
    const bytes = Uint8Array.from(whole)
    bytes.fill(0x55, at, at + 300)
    assert.equal(
      attempt(bytes, () => loadVideoSync(bytes, small)),
      'refused',
    )
    assert.equal(
      attempt(bytes, () => loadVideoSync(bytes, { ...small, window: [0, 1] })),
      'whole',
    )
    assert.equal(
      attempt(bytes, () => sampleVideoSync(bytes, { ...small, indices: [3, 20] })),
      'whole',
    )
    const lenient = loadVideoSync(bytes, { ...small, strict: false })
    assert.equal(lenient.shape[0], 50)
    assert.ok(lenient.failures.length > 0)
    assert.ok(lenient.failures.every(({ timeSec }) => timeSec > 1.4))
    const sampled = sampleVideoSync(bytes, { ...small, every: 1, strict: false })
    assert.equal(sampled.shape[0], 50)
    assert.ok(sampled.failures.length > 0)
  })

  it('a source that holds no video is refused by name', async () => {
    for (const bytes of [
      new Uint8Array(0),
      Buffer.from('This is no video, but a sentence.'),
      new Uint8Array(5000),
    ]) {
      const error = await loadVideo(bytes).then(
        () => assert.fail(),
        (problem: MediaError) => problem,
      )
      assert.equal(error.code, 'ERR_DECODE')
      assert.equal(error.source, `${bytes.length} bytes`)
    }
    await assert.rejects(loadVideo('/nowhere/a.mp4'), {
      code: 'ERR_READ',
      source: '/nowhere/a.mp4',
    })
    const wav = encodeAudioSync(
      { data: new Int16Array(800), dtype: 'int16', shape: [800], sampleRate: 8000 },
      { format: 'wav' },
    )
    await assert.rejects(sampleVideo(wav, { count: 1 }), {
      code: 'ERR_DECODE',
      message: /has no video in it/,
    })
  })

  it('time stamps that jump by hours are not filled with copies of a frame', () => {
    const bytes = Buffer.concat([files['h264.m2t']!, readFileSync(video('hours-later.m2t'))])
    const lenient = { ...small, strict: false }
    assert.equal(loadVideoSync(bytes, lenient).shape[0], 75)
    assert.throws(() => loadVideoSync(bytes, { ...lenient, frameRate: 25 }), {
      code: 'ERR_DECODE',
      message: /time stamps jump from 1.960 s to \d+\.\d+ s/,
    })
  })

  it('flipped bits and lying headers do no more harm than an error', async () => {
    const random = numbers(5)
    for (const [name, whole] of Object.entries(files)) {
      const bodies = Array.from({ length: 10 }, () => mutated(whole, random, 0, 1 + random(6)))
      const heads = Array.from({ length: 10 }, () => {
        const head = mutated(whole.subarray(0, 1200), random, 0, 1 + random(4))
        return new Uint8Array(Buffer.concat([head, whole.subarray(1200)]))
      })
      for (const bytes of [...bodies, ...heads]) {
        attempt(bytes, () => loadVideoSync(bytes, small))
        attempt(bytes, () =>
          loadVideoSync(bytes, { ...small, strict: false, window: [0.7, 1.3], frameRate: 12 }),
        )
        attempt(bytes, () => sampleVideoSync(bytes, { ...small, count: 3, strict: false }))
      }
      const [bytes] = bodies as [Uint8Array]
      outcome(
        bytes,
        await sampleVideo(bytes, { ...small, count: 4 }).catch((error: unknown) => error),
      )
      await probe(bytes).catch((error: MediaError) =>
        assert.equal(error.source, `${bytes.length} bytes`),
      )
      assert.equal(
        attempt(whole, () => loadVideoSync(whole, small)),
        'whole',
        name,
      )
    }
  })
})
