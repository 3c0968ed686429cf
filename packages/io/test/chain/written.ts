// Files that this package writes and the ffmpeg command has read: scripts/truth writes them, has
// them read, and notes what is in them; a test that writes them again and finds the same in them
// knows that the command reads those, too.
import { join } from 'node:path'
import type { AnyNdArray, NdArray } from '../../src/index.ts'
import { Demuxer, Encoder, Muxer } from '../../src/media.ts'
import { saveVideoSync } from '../../src/sync.ts'
import { md5, truthFile } from '../truth/truth.ts'
import { clip, using } from './media-support.ts'

/** What a written file holds: its streams, and its packets as a hash. */
export interface Written {
  readonly streams: readonly string[]
  readonly packets: readonly string[]
}

/**
 * The time stamps of the packets count, and their bytes where the codec is lossless or they are
 * copies: encoders that compute with floating-point numbers give others on another processor.
 */
export function writtenIn(source: string | Uint8Array, { areExact = true } = {}): Written {
  return using(new Demuxer(source), (demuxer) => {
    const { streams } = demuxer
    const packets = demuxer.demuxMany({ streams: streams.map(({ index }) => index) })
    return {
      streams: streams.map((one) =>
        [
          ...[
            one.kind,
            one.codec,
            one.width,
            one.height,
            one.pixelFormat,
            one.sampleRate,
            one.channelLayout,
          ],
          ...[one.parameters.colorSpace, one.parameters.colorRange, one.parameters.profile],
        ].join(),
      ),
      packets: packets.map((each) => {
        const all = [...each].map(({ pts, dts, isKeyframe, data }) =>
          [pts, dts, isKeyframe, areExact ? md5(data) : ''].join(),
        )
        return `${all.length} ${md5(Buffer.from(all.join('\n')))}`
      }),
    }
  })
}

export interface Lossless {
  readonly name: string
  readonly array: AnyNdArray
  /** What the ffmpeg command is to decode it to. */
  readonly args: readonly string[]
  readonly write: (folder: string) => string
}

/** Arrays in lossless codecs: the ffmpeg command reads what went in. */
export const LOSSLESS: readonly Lossless[] = [...losslessVideo(), ...losslessAudio()]

function losslessVideo(): Lossless[] {
  const table = [
    ['ffv1', 3, 'rgb24'],
    ['rawvideo', 3, 'rgb24'],
    ['rawvideo', 3, 'bgr24'],
    ['rawvideo', 1, 'gray'],
    ['png', 4, 'rgba'],
  ] as const
  return table.map(([codec, channels, format]) => {
    const array = clip(5, 64, 48, channels)
    return {
      name: `${codec} ${format}`,
      array,
      args: ['-f', 'rawvideo', '-pix_fmt', format],
      write: (folder) =>
        encodeTo(join(folder, `lossless.${codec === 'rawvideo' ? 'nut' : 'mkv'}`), array, {
          codec,
          frameRate: 25,
          inputPixelFormat: format,
        }),
    }
  })
}

function losslessAudio(): Lossless[] {
  const table = [
    ['pcm_s16le', 'int16', Int16Array, 's16le'],
    ['pcm_f32le', 'float32', Float32Array, 'f32le'],
    ['pcm_s32le', 'int32', Int32Array, 's32le'],
    ['pcm_f64le', 'float64', Float64Array, 'f64le'],
  ] as const
  return table.map(([codec, dtype, Data, format]) => {
    const data = (Data as typeof Float64Array).from({ length: 6000 }, (_, i) => i)
    const array = { data, dtype, shape: [3000, 2] } as AnyNdArray
    return {
      name: codec,
      array,
      args: ['-f', format],
      write: (folder) =>
        encodeTo(join(folder, 'lossless.wav'), array, { codec, sampleRate: 16000, layout: 'TC' }),
    }
  })
}

export const CONTAINERS = ['matroska', 'mov', 'mpegts', 'mp4'] as const

/** The packets of a file with pictures and sound in another container. */
export function remuxed(format: (typeof CONTAINERS)[number]): Uint8Array {
  const from = using(new Demuxer(truthFile('media/groups.mp4')), (demuxer) => demuxer.demuxMany())
  return using(new Muxer(undefined, { format }), (muxer) => {
    for (const { stream } of from) muxer.addStream(stream)
    for (const [i, packets] of from.entries()) muxer.write(i, packets)
    return muxer.finish()!
  })
}

/** Matroska, which does not tell when packets are decoded, as MP4. */
export function remuxedAgain(file: string): void {
  const again = using(new Demuxer(remuxed('matroska')), (demuxer) => demuxer.demuxMany())
  using(new Muxer(file), (muxer) => {
    for (const { stream } of again) muxer.addStream(stream)
    for (const [i, packets] of again.entries())
      for (let at = 0; at < packets.stored; at += 9) muxer.write(i, packets.slice(at, at + 9))
    muxer.finish()
  })
}

/** Pictures with sound in every format of `saveVideo`, and the codecs that are usual there. */
export const SAVED = {
  mp4: ['h264', 'aac'],
  mkv: ['h264', 'aac'],
  webm: ['vp9', 'opus'],
  avi: ['mpeg4', 'mp3'],
  ts: ['h264', 'aac'],
  mov: ['h264', 'aac'],
} as const

export function saved(file: string): void {
  const data = Float32Array.from({ length: 48_000 }, (_, i) => Math.sin(i / 20) / 2)
  const array: NdArray = { data, dtype: 'float32', shape: [1, 48_000] }
  saveVideoSync(file, clip(25), { frameRate: 25, audio: { array, sampleRate: 48_000 } })
}

const COLOURS = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
  [0, 0, 0],
  [200, 120, 40],
]

/** Six pictures of one colour each. */
export function colours(): NdArray<'uint8'> {
  const data = Uint8Array.from(
    { length: 6 * 32 * 32 * 3 },
    (_, i) => COLOURS[Math.floor(i / 3072)]![i % 3]!,
  )
  return { data, dtype: 'uint8', shape: [6, 32, 32, 3] }
}

export function saveColours(file: string): void {
  saveVideoSync(file, colours(), { frameRate: 1, encoderOptions: { crf: '1' } })
}

export function encodeTo(
  file: string,
  array: Parameters<Encoder['encode']>[0],
  options: ConstructorParameters<typeof Encoder>[0],
): string {
  using(new Encoder(options), (encoder) =>
    using(new Muxer(file), (muxer) => {
      const index = muxer.addStream()
      muxer.write(index, encoder.encode(array))
      muxer.write(index, encoder.flush())
      muxer.finish()
    }),
  )
  return file
}
