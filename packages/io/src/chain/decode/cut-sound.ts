import type { Frame as AvFrame } from 'node-av/lib'
import { newFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { NO_TIME } from '../packets/blob.ts'
import { firstTick, rescale, type TimeWindow } from '../time.ts'

/**
 * Cuts a frame of sound to the samples in a window; `undefined` if there are none. The first sample
 * has the time of the frame, to the nearest sample; the others follow. Frees the frame if it
 * returns another.
 */
export function cutSound(
  ffmpeg: FFmpeg,
  frame: AvFrame,
  [start, end]: TimeWindow,
): AvFrame | undefined {
  const { nbSamples: count, sampleRate, pts } = frame
  if (pts === NO_TIME) return frame
  const samples = { num: 1, den: sampleRate }
  const at = rescale(pts, frame.timeBase, samples)
  const from = clamp(firstTick(start, samples) - at, count)
  const to = end === Infinity ? count : clamp(firstTick(end, samples) - at, count)
  if (from === 0 && to === count) return frame
  try {
    return from < to ? part(ffmpeg, frame, from, to) : undefined
  } finally {
    frame.free()
  }
}

function part(ffmpeg: FFmpeg, frame: AvFrame, from: number, to: number): AvFrame {
  const { av } = ffmpeg
  const format = frame.format as Parameters<typeof av.avGetBytesPerSample>[0]
  const channels = frame.channelLayout.nbChannels
  const lanes = av.avSampleFmtIsPlanar(format) ? channels : 1
  const step = av.avGetBytesPerSample(format) * (lanes === 1 ? channels : 1)
  const whole = frame.toBuffer()
  const stride = frame.nbSamples * step
  const bytes = Buffer.concat(
    Array.from({ length: lanes }, (_, lane) =>
      whole.subarray(lane * stride + from * step, lane * stride + to * step),
    ),
  )
  const { sampleRate, channelLayout } = frame
  const cut = newFrame(ffmpeg, { nbSamples: to - from, format, sampleRate, channelLayout })
  try {
    check(ffmpeg, cut.fromBuffer(bytes), 'cutting sound')
    const samples = { num: 1, den: sampleRate }
    cut.timeBase = frame.timeBase
    cut.pts = rescale(
      rescale(frame.pts, frame.timeBase, samples) + BigInt(from),
      samples,
      frame.timeBase,
    )
    cut.duration = rescale(BigInt(to - from), samples, frame.timeBase)
    return cut
  } catch (error) {
    cut.free()
    throw error
  }
}

function clamp(sample: bigint, count: number): number {
  if (sample <= 0n) return 0
  return sample >= BigInt(count) ? count : Number(sample)
}
