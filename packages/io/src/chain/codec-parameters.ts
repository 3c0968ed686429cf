import type { CodecParameters as AvParameters } from 'node-av/lib'
import { bytesOf } from '../base/dtypes.ts'
import { check, type FFmpeg } from '../ffmpeg/library.ts'
import type { Rational } from './time.ts'

/** What a stream carries. */
export type StreamKind = 'video' | 'audio' | 'subtitle' | 'data' | 'attachment' | 'unknown'

/**
 * A codec's parameters (`AVCodecParameters`) as plain data. Numbers without a unit are FFmpeg's
 * own, of its enumerations.
 */
export interface CodecParameters {
  readonly kind: StreamKind
  readonly codecId: number
  readonly codecTag: number
  readonly extraData: Uint8Array | undefined
  readonly format: number
  /** Bits a second, 0 where unknown. */
  readonly bitRate: number
  readonly bitsPerCodedSample: number
  readonly bitsPerRawSample: number
  readonly profile: number
  readonly level: number
  readonly width: number
  readonly height: number
  readonly sampleAspectRatio: Rational
  readonly frameRate: Rational
  readonly fieldOrder: number
  readonly colorRange: number
  readonly colorPrimaries: number
  readonly colorTrc: number
  readonly colorSpace: number
  readonly chromaLocation: number
  readonly videoDelay: number
  readonly channelLayout: {
    readonly nbChannels: number
    readonly order: number
    readonly mask: bigint
  }
  readonly sampleRate: number
  readonly blockAlign: number
  readonly frameSize: number
  readonly initialPadding: number
  /** HDR metadata, rotation and the like, which belong to the whole stream. */
  readonly sideData: readonly { readonly type: number; readonly data: Uint8Array }[]
}

const KINDS: readonly StreamKind[] = ['video', 'audio', 'data', 'subtitle', 'attachment']

/** FFmpeg's number of a kind of stream. */
function mediaTypeOf(kind: StreamKind): number {
  return KINDS.indexOf(kind)
}

/** What is the same in both, under the same name. */
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
  // Two of them are told nowhere else.
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

/** Writes plain data into parameters of FFmpeg's, which must be allocated. */
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

/** Gives parameters to a function, and frees them. */
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

/** node-av has no way to set these but as options of a codec. */
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
