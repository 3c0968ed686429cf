import type { Stream } from 'node-av/lib'
import type { FFmpeg } from '../ffmpeg/library.ts'
import { type CodecParameters, describeParameters, type StreamKind } from './codec-parameters.ts'
import type { Rational } from './time.ts'

/**
 * Description of a stream, as plain data that can be posted to other threads. It has all that a
 * decoder, a bitstream filter or a muxer needs. Values that the container's header lacks are
 * `undefined`, unless the demuxer was told to `probe`.
 */
export interface StreamInfo {
  /** Index in the file, from 0. */
  readonly index: number
  /** Content of the stream. */
  readonly kind: StreamKind
  /** FFmpeg's name of the codec, such as `'h264'` or `'aac'`. */
  readonly codec: string
  /** Length of a tick in seconds; all time stamps of its packets and frames are in ticks. */
  readonly timeBase: Rational
  /** First time stamp, in ticks; not 0 in many files. */
  readonly startTime: bigint | undefined
  /** Duration in ticks. */
  readonly duration: bigint | undefined
  /** Number of pictures or packets, if the header has it. */
  readonly frameCount: number | undefined
  /** Tags: `language`, `title`, … */
  readonly metadata: Readonly<Record<string, string>>
  /** Pictures per second, on average. */
  readonly frameRate: Rational | undefined
  /** Width in pixels; `undefined` for sound. */
  readonly width: number | undefined
  /** Height in pixels; `undefined` for sound. */
  readonly height: number | undefined
  /** FFmpeg's name of the pixel format, such as `'yuv420p'`. */
  readonly pixelFormat: string | undefined
  /** Ratio of a pixel's width to its height. */
  readonly sampleAspectRatio: Rational | undefined
  /** Samples per second; `undefined` for pictures. */
  readonly sampleRate: number | undefined
  /** Number of channels; `undefined` for pictures. */
  readonly channels: number | undefined
  /** FFmpeg's name of the channel layout, such as `'stereo'`. */
  readonly channelLayout: string | undefined
  /** FFmpeg's name of the sample format, such as `'fltp'`. */
  readonly sampleFormat: string | undefined
  /** These and more values, in the form of codecs. */
  readonly parameters: CodecParameters
}

/** Describes a stream of a container. */
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

/** Describes a stream without a container, such as an encoder's, from its codec parameters. */
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

/** Copies an FFmpeg fraction to plain data. */
export function plain({ num, den }: Rational): Rational {
  return { num, den }
}

function positive({ num, den }: Rational): Rational | undefined {
  return num > 0 && den > 0 ? { num, den } : undefined
}
