import type { Stream } from 'node-av/lib'
import type { FFmpeg } from '../ffmpeg/library.ts'
import { type CodecParameters, describeParameters, type StreamKind } from './codec-parameters.ts'
import type { Rational } from './time.ts'

/**
 * What is known of a stream: plain data, which can be posted to other threads, and all that a
 * decoder, a bit-stream filter or a muxer needs to know. What the container's header does not tell
 * is `undefined`, unless the demuxer was told to `probe`.
 */
export interface StreamInfo {
  /** Its place in the file, from 0. */
  readonly index: number
  readonly kind: StreamKind
  /** FFmpeg's name of the codec: `'h264'`, `'aac'`. */
  readonly codec: string
  /** Seconds of a tick, in which all time stamps of its packets and frames count. */
  readonly timeBase: Rational
  /** First time stamp, in ticks; not 0 in many files. */
  readonly startTime: bigint | undefined
  /** In ticks. */
  readonly duration: bigint | undefined
  /** Pictures or packets, where the header tells. */
  readonly frameCount: number | undefined
  /** Tags: `language`, `title`, … */
  readonly metadata: Readonly<Record<string, string>>
  /** Pictures a second, on average. */
  readonly frameRate: Rational | undefined
  readonly width: number | undefined
  readonly height: number | undefined
  /** FFmpeg's name: `'yuv420p'`. */
  readonly pixelFormat: string | undefined
  /** Width of a pixel over its height. */
  readonly sampleAspectRatio: Rational | undefined
  readonly sampleRate: number | undefined
  readonly channels: number | undefined
  /** FFmpeg's name: `'stereo'`. */
  readonly channelLayout: string | undefined
  /** FFmpeg's name: `'fltp'`. */
  readonly sampleFormat: string | undefined
  /** The same, and more, as codecs take it. */
  readonly parameters: CodecParameters
}

/** What a container tells of one of its streams. */
export function describeStream(ffmpeg: FFmpeg, stream: Stream): StreamInfo {
  const parameters = describeParameters(ffmpeg, stream.codecpar)
  const { constants: c } = ffmpeg
  return {
    ...describeCoded(ffmpeg, parameters, plain(stream.timeBase)),
    index: stream.index,
    startTime: stream.startTime === c.AV_NOPTS_VALUE ? undefined : stream.startTime,
    duration: stream.duration > 0n ? stream.duration : undefined,
    frameCount: stream.nbFrames > 0n ? Number(stream.nbFrames) : undefined,
    metadata: stream.metadata?.getAll() ?? {},
    frameRate:
      positive(stream.avgFrameRate) ??
      positive(stream.rFrameRate) ??
      positive(parameters.frameRate),
  }
}

/** What codec parameters tell of a stream that is in no container, as an encoder makes. */
export function describeCoded(
  ffmpeg: FFmpeg,
  parameters: CodecParameters,
  timeBase: Rational,
): StreamInfo {
  const { av } = ffmpeg
  const { kind, format, channelLayout: layout } = parameters
  const [isVideo, isAudio] = [kind === 'video', kind === 'audio']
  return {
    index: 0,
    kind,
    codec: av.avGetCodecName(parameters.codecId as never) ?? 'none',
    timeBase,
    startTime: undefined,
    duration: undefined,
    frameCount: undefined,
    metadata: {},
    frameRate: positive(parameters.frameRate),
    width: isVideo ? parameters.width || undefined : undefined,
    height: isVideo ? parameters.height || undefined : undefined,
    pixelFormat:
      isVideo && format >= 0 ? (av.avGetPixFmtName(format as never) ?? undefined) : undefined,
    sampleAspectRatio: isVideo ? positive(parameters.sampleAspectRatio) : undefined,
    sampleRate: isAudio ? parameters.sampleRate || undefined : undefined,
    channels: isAudio ? layout.nbChannels || undefined : undefined,
    channelLayout:
      isAudio && layout.nbChannels > 0
        ? (av.avChannelLayoutDescribe(layout as never) ?? undefined)
        : undefined,
    sampleFormat:
      isAudio && format >= 0 ? (av.avGetSampleFmtName(format as never) ?? undefined) : undefined,
    parameters,
  }
}

/** A fraction of FFmpeg's as plain data. */
export function plain({ num, den }: Rational): Rational {
  return { num, den }
}

function positive({ num, den }: Rational): Rational | undefined {
  return num > 0 && den > 0 ? { num, den } : undefined
}
