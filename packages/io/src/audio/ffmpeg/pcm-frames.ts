import type { CodecContext, Frame } from 'node-av/lib'
import { newFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { openResampler } from '../../ffmpeg/resampler.ts'
import { sampleFormatOf } from '../../ffmpeg/sample-formats.ts'
import type { AudioEncoding } from '../encode-audio-options.ts'
import { defaultLayout } from './sample-format.ts'

/** Frame size for encoders that take any size, in samples. */
const ANY_SIZE = 4096
/** Upper bound of the samples that a resampler holds back at the end. */
const SPARE = 4096

/** Converts an array to frames for an encoder. A frame is valid until the next one is requested. */
export function* pcmFrames(
  ffmpeg: FFmpeg,
  encoding: AudioEncoding,
  encoder: CodecContext,
): Generator<Frame> {
  const { planes, samples } = convertAll(ffmpeg, encoding, encoder)
  const size = encoder.frameSize > 0 ? encoder.frameSize : ANY_SIZE
  for (let at = 0; at < samples; at += size) {
    const count = Math.min(size, samples - at)
    const { sampleFormat: format, sampleRate, channelLayout } = encoder
    const frame = newFrame(ffmpeg, { nbSamples: count, format, sampleRate, channelLayout })
    try {
      frame.pts = BigInt(at)
      const lanes = frame.extendedData ?? frame.data ?? []
      for (const [lane, plane] of planes.entries()) {
        const step = plane.length / samples
        lanes[lane]!.set(plane.subarray(at * step, (at + count) * step))
      }
      yield frame
    } finally {
      frame.free()
    }
  }
}

/** Converts all samples to the encoder's sample format and rate. */
function convertAll(
  ffmpeg: FFmpeg,
  { data, dtype, channels, isPlanar, sampleRate }: AudioEncoding,
  encoder: CodecContext,
): { readonly planes: readonly Buffer[]; readonly samples: number } {
  const { av } = ffmpeg
  const samples = data.length / channels
  const layout = defaultLayout(channels, ffmpeg)
  const from = sampleFormatOf(ffmpeg, { dtype, isPlanar })
  const to = encoder.sampleFormat
  const swr = openResampler(ffmpeg, [layout, to, encoder.sampleRate], [layout, from, sampleRate])
  try {
    const room = Math.ceil((samples * encoder.sampleRate) / sampleRate) + SPARE
    const isPlanarOut = av.avSampleFmtIsPlanar(to)
    const bytes = av.avGetBytesPerSample(to) * (isPlanarOut ? 1 : channels)
    const planes = Array.from({ length: isPlanarOut ? channels : 1 }, () =>
      Buffer.allocUnsafeSlow(room * bytes),
    )
    // Native code does not accept shared memory.
    const bare = data.buffer instanceof SharedArrayBuffer ? data.slice() : data
    const given = Buffer.from(bare.buffer as ArrayBuffer, bare.byteOffset, bare.byteLength)
    const lanes = isPlanar ? channels : 1
    const step = given.length / lanes
    const input = Array.from({ length: lanes }, (_, lane) =>
      given.subarray(lane * step, (lane + 1) * step),
    )
    let done = samples === 0 ? 0 : swr.convertSync(planes, room, input, samples)
    check(ffmpeg, done, 'converting')
    if (encoder.sampleRate !== sampleRate && samples > 0) {
      const rest = swr.convertSync(
        planes.map((plane) => plane.subarray(done * bytes)),
        room - done,
        null,
        0,
      )
      check(ffmpeg, rest, 'converting')
      done += rest
    }
    return { planes: planes.map((plane) => plane.subarray(0, done * bytes)), samples: done }
  } finally {
    swr.free()
  }
}
