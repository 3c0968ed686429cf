import type { CodecParameters as AvParameters } from 'node-av/lib'
import { bytesOf } from '../base/dtypes.ts'
import { check, type FFmpeg } from '../ffmpeg/library.ts'
import type { Rational } from './time.ts'

/** The content of a stream. */
export type StreamKind = 'video' | 'audio' | 'subtitle' | 'data' | 'attachment' | 'unknown'

/**
 * A codec's parameters (`AVCodecParameters`) as plain data. Numbers without a unit are values of
 * FFmpeg's enumerations.
 */
export interface CodecParameters {
  /** Content of the stream. */
  readonly kind: StreamKind
  /** FFmpeg's number of the codec. */
  readonly codecId: number
  /** The container's own tag of the codec. */
  readonly codecTag: number
  /** The codec's headers; `undefined` for none. */
  readonly extraData: Uint8Array | undefined
  /** FFmpeg's number of the pixel or sample format. */
  readonly format: number
  /** Bits per second, 0 if unknown. */
  readonly bitRate: number
  readonly bitsPerCodedSample: number
  readonly bitsPerRawSample: number
  readonly profile: number
  readonly level: number
  /** Width in pixels; 0 for sound. */
  readonly width: number
  /** Height in pixels; 0 for sound. */
  readonly height: number
  /** Ratio of a pixel's width to its height. */
  readonly sampleAspectRatio: Rational
  /** Pictures per second. */
  readonly frameRate: Rational
  readonly fieldOrder: number
  readonly colorRange: number
  readonly colorPrimaries: number
  readonly colorTrc: number
  readonly colorSpace: number
  readonly chromaLocation: number
  /** Number of pictures that the decoder holds back. */
  readonly videoDelay: number
  /** Number, order and positions of the channels. */
  readonly channelLayout: {
    readonly nbChannels: number
    readonly order: number
    readonly mask: bigint
  }
  /** Samples per second; 0 for pictures. */
  readonly sampleRate: number
  /** Size of a block of samples, in bytes. */
  readonly blockAlign: number
  /** Samples per channel in a frame; 0 for any number. */
  readonly frameSize: number
  /** Number of priming samples at the beginning. */
  readonly initialPadding: number
  /** Metadata of the whole stream, such as HDR and rotation. */
  readonly sideData: readonly { readonly type: number; readonly data: Uint8Array }[]
}

const KINDS: readonly StreamKind[] = ['video', 'audio', 'data', 'subtitle', 'attachment']

/** FFmpeg's number of a kind of stream. */
function mediaTypeOf(kind: StreamKind): number {
  return KINDS.indexOf(kind)
}

/** Fields that are the same in both, under the same name. */
const ALIKE = [
  'codecId',
  'format',
  'bitsPerCodedSample',
  'bitsPerRawSample',
  'profile',
  'level',
  'width',
  'height',
  'colorRange',
  'colorPrimaries',
  'colorTrc',
  'colorSpace',
  'chromaLocation',
  'videoDelay',
  'sampleRate',
  'frameSize',
  'initialPadding',
] as const

function alike(
  from: Readonly<Record<(typeof ALIKE)[number], number>>,
): Record<(typeof ALIKE)[number], number> {
  return Object.fromEntries(ALIKE.map((name) => [name, from[name]])) as never
}

/** Copies FFmpeg's parameters into plain data. */
export function describeParameters(ffmpeg: FFmpeg, from: AvParameters): CodecParameters {
  // Two of them are available nowhere else.
  const { blockAlign = 0, fieldOrder = 0 } = from.toJSON() as {
    blockAlign?: number
    fieldOrder?: number
  }
  const { nbChannels, order, mask } = from.channelLayout
  return {
    ...alike(from),
    kind: KINDS[from.codecType] ?? 'unknown',
    codecTag: tagOf(ffmpeg, from.codecTag as number | string),
    extraData: from.extradata === null ? undefined : Uint8Array.from(from.extradata),
    bitRate: Number(from.bitRate),
    sampleAspectRatio: { num: from.sampleAspectRatio.num, den: from.sampleAspectRatio.den },
    frameRate: { num: from.frameRate.num, den: from.frameRate.den },
    fieldOrder,
    channelLayout: { nbChannels, order, mask },
    blockAlign,
    sideData: from
      .getAllCodedSideData()
      .map(({ type, data }) => ({ type: type as number, data: Uint8Array.from(data) })),
  }
}

/** Writes plain data into FFmpeg's parameters, which must be allocated. */
export function fillParameters(ffmpeg: FFmpeg, to: AvParameters, from: CodecParameters): void {
  const { codecTag, sampleAspectRatio, frameRate } = from
  const [codecType, bitRate] = [mediaTypeOf(from.kind), BigInt(from.bitRate)]
  const rest = { codecType, codecTag, bitRate, sampleAspectRatio, frameRate }
  Object.assign(to, alike(from), rest)
  if (from.kind === 'audio') to.channelLayout = from.channelLayout as never
  if (from.extraData !== undefined) to.extradata = bytesOf(from.extraData)
  if (from.blockAlign !== 0 || from.fieldOrder !== 0) fillHidden(ffmpeg, to, from)
  for (const { type, data } of from.sideData) {
    check(ffmpeg, to.addCodedSideData(type as never, bytesOf(data)), 'describing the stream')
  }
}

/** Passes parameters to a function, and frees them. */
export function withParameters<T>(
  ffmpeg: FFmpeg,
  from: CodecParameters,
  work: (parameters: AvParameters) => T,
): T {
  const parameters = new ffmpeg.av.CodecParameters()
  parameters.alloc()
  try {
    fillParameters(ffmpeg, parameters, from)
    return work(parameters)
  } finally {
    parameters.free()
  }
}

/** node-av can set these only as options of a codec. */
function fillHidden(ffmpeg: FFmpeg, to: AvParameters, from: CodecParameters): void {
  const context = new ffmpeg.av.CodecContext()
  try {
    context.allocContext3(null)
    check(ffmpeg, to.toContext(context), 'describing the stream')
    if (from.blockAlign !== 0) context.setOption('block_align', from.blockAlign)
    if (from.fieldOrder !== 0) context.setOption('field_order', from.fieldOrder)
    check(ffmpeg, to.fromContext(context), 'describing the stream')
  } finally {
    context.freeContext()
  }
}

function tagOf({ av }: FFmpeg, tag: number | string): number {
  return typeof tag === 'number' ? tag : av.stringToFourCC(tag)
}
