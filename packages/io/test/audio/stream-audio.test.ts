import assert from 'node:assert/strict'
import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import {
  type AudioArray,
  type StreamAudioOptions,
  type StreamSource,
  streamAudio,
} from '../../src/index.ts'
import { loadAudioSync, streamAudioSync } from '../../src/sync.ts'
import { ENCODED, encodedSweeps, scratch } from './audio-support.ts'

const { folder, remove } = scratch()
after(remove)
const files = encodedSweeps(5)

async function chunksOf(source: StreamSource, options: StreamAudioOptions): Promise<AudioArray[]> {
  const chunks: AudioArray[] = []
  for await (const chunk of streamAudio(source, options)) chunks.push(chunk)
  return chunks
}

/** Whether chunks, one behind the other, are a sound. */
function areTogether(
  chunks: readonly AudioArray[],
  whole: AudioArray,
  size: number,
  name: string,
): void {
  const [channels, samples] = whole.shape as [number, number]
  assert.deepEqual(
    chunks.map(({ shape }) => shape[1]),
    Array.from({ length: Math.ceil(samples / size) }, (_, i) => Math.min(size, samples - i * size)),
    name,
  )
  for (let channel = 0; channel < channels; channel++) {
    const lane = ({ data, shape }: AudioArray): Float32Array =>
      (data as Float32Array).subarray(channel * shape[1]!, (channel + 1) * shape[1]!)
    const bytes = (chunk: AudioArray): Buffer => {
      const { buffer, byteOffset, byteLength } = lane(chunk)
      return Buffer.from(buffer, byteOffset, byteLength)
    }
    assert.ok(Buffer.concat(chunks.map(bytes)).equals(bytes(whole)), name)
  }
}

describe('streamAudio', () => {
  it('chunks, one behind the other, are what loadAudio gives', async () => {
    for (const format of ['wav', ...ENCODED] as const) {
      for (const options of [
        {},
        { sampleRate: 16000, channels: 1 },
        { window: [3.5, 4.2], sampleRate: 8000 },
      ] as const) {
        const whole = loadAudioSync(files[format], options)
        for (const samplesPerChunk of [999, 30_000, 1_000_000]) {
          const chunks = [...streamAudioSync(files[format], { ...options, samplesPerChunk })]
          areTogether(chunks, whole, samplesPerChunk, format)
        }
        areTogether(
          await chunksOf(files[format], { ...options, samplesPerChunk: 7000 }),
          whole,
          7000,
          format,
        )
      }
    }
  })

  it('streams of bytes give the same, where the format can be read from its beginning', async () => {
    for (const format of ['flac', 'opus', 'ogg', 'wav'] as const) {
      const path = join(folder, `a.${format}`)
      writeFileSync(path, files[format])
      const whole = loadAudioSync(path, { sampleRate: 16000 })
      const chunks = await chunksOf(createReadStream(path), {
        sampleRate: 16000,
        samplesPerChunk: 20_000,
      })
      areTogether(chunks, whole, 20_000, format)
    }
  })

  it('of an MP3 that comes as a stream, the padding at its end is not known', async () => {
    const whole = loadAudioSync(files.mp3)
    const [chunk] = await chunksOf(Readable.from([files.mp3]), { samplesPerChunk: 1_000_000 })
    const [samples, more] = [whole.shape[1]!, chunk!.shape[1]! - whole.shape[1]!]
    assert.ok(more > 0 && more < 2 * 1152)
    assert.deepEqual(chunk!.data.subarray(0, samples), whole.data.subarray(0, samples))
  })

  it('leaving the loop ends a stream that never ends, and gives what there is', async () => {
    const source = new Readable({ read() {} })
    source.push(files.flac)
    for await (const chunk of streamAudio(source, { samplesPerChunk: 4096 })) {
      assert.deepEqual(chunk.shape, [2, 4096])
      break
    }
    assert.equal(source.destroyed, true)
  })

  it('damage is thrown after the samples before it', () => {
    const cut = files.flac.subarray(0, files.flac.length >> 1)
    const whole = loadAudioSync(files.flac, { channels: 1 })
    const seen: number[] = []
    assert.throws(
      () => {
        for (const { data } of streamAudioSync(cut, { channels: 1, samplesPerChunk: 10_000 }))
          seen.push(...data)
      },
      { code: 'ERR_DECODE', source: `${cut.length} bytes` },
    )
    assert.ok(seen.length > 50_000)
    assert.deepEqual(seen, [...whole.data.subarray(0, seen.length)])
  })

  it('options are checked when it is called', () => {
    assert.throws(() => streamAudio(files.wav, { samplesPerChunk: 0 }), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => streamAudio(files.wav, { numSamples: 3 } as never), {
      code: 'ERR_BAD_OPTION',
    })
  })
})
