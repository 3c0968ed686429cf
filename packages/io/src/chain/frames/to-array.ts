import type { Frame as AvFrame } from 'node-av/lib'
import type { AnyNdArray, DType } from '../../base/array.ts'
import { viewAs } from '../../base/dtypes.ts'
import { badOption, MediaError } from '../../base/errors.ts'
import { newFrame } from '../../ffmpeg/frames.ts'
import { Kept } from '../../ffmpeg/kept.ts'
import { check, type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import { type AvPixelFormat, Scalers } from '../../ffmpeg/scalers.ts'
import { pixelLayout, sampleDType } from './layouts.ts'

/** Number of staging frames that a thread keeps. */
const STAGES_KEPT = 8

let scalers: Scalers | undefined
const stages = new Kept<AvFrame>(STAGES_KEPT, (stage) => stage.free())

/**
 * Copies pictures of one size and format to `[frames, …]`, and converts them first if another
 * format is requested.
 */
export function picturesToArray(
  frames: readonly AvFrame[],
  wanted: string | undefined,
): AnyNdArray {
  const ffmpeg = loadFFmpeg()
  const { av } = ffmpeg
  const first = frames[0]!
  const format =
    wanted === undefined ? (first.format as AvPixelFormat) : pixelFormatNumber(ffmpeg, wanted)
  const { width, height } = first
  for (const { width: w, height: h, format: f } of frames) {
    const isAlike = w === width && h === height && (wanted !== undefined || f === format)
    if (!isAlike)
      throw new MediaError(
        'ERR_UNSUPPORTED',
        'frames of different sizes or formats in one array: scale them first',
      )
  }
  const size = av.avImageGetBufferSize(format, width, height, 1)
  const name = av.avGetPixFmtName(format) ?? '?'
  const { dtype, shape } = pixelLayout(name, width, height, size)
  const bytes = new Uint8Array(size * frames.length)
  for (const [i, frame] of frames.entries()) {
    const to = bytes.subarray(i * size, (i + 1) * size)
    if (frame.format === format) copyPicture(ffmpeg, frame, to)
    else convertPicture(ffmpeg, frame, format, to)
  }
  return { data: viewAs(dtype, bytes), dtype, shape: [frames.length, ...shape] } as AnyNdArray
}

/**
 * Copies sound of one format: `[channels, samples]` if it is planar, otherwise `[samples,
 * channels]`.
 */
export function soundToArray(frames: readonly AvFrame[]): AnyNdArray {
  const { av } = loadFFmpeg()
  const first = frames[0]!
  const format = first.format as Parameters<typeof av.avGetSampleFmtName>[0]
  const { nbChannels } = first.channelLayout
  for (const frame of frames) {
    const isAlike =
      frame.format === format &&
      frame.channelLayout.nbChannels === nbChannels &&
      frame.sampleRate === first.sampleRate
    if (!isAlike)
      throw new MediaError(
        'ERR_UNSUPPORTED',
        'sound of different rates, channels or formats in one array: convert it first',
      )
  }
  const name = av.avGetSampleFmtName(format) ?? '?'
  const dtype: DType = sampleDType(name)
  const isPlanar = av.avSampleFmtIsPlanar(format)
  const lanes = isPlanar ? nbChannels : 1
  const total = frames.reduce((sum, { nbSamples }) => sum + nbSamples, 0)
  const step = av.avGetBytesPerSample(format) * (isPlanar ? 1 : nbChannels)
  const bytes = new Uint8Array(total * step * lanes)
  let at = 0
  for (const frame of frames) {
    const samples = frame.toBuffer()
    const length = frame.nbSamples * step
    for (let lane = 0; lane < lanes; lane++) {
      bytes.set(samples.subarray(lane * length, (lane + 1) * length), lane * total * step + at)
    }
    at += length
  }
  const shape = isPlanar ? [nbChannels, total] : [total, nbChannels]
  return { data: viewAs(dtype, bytes), dtype, shape } as AnyNdArray
}

/** @throws MediaError `ERR_BAD_OPTION` if FFmpeg has no pixel format with that name */
export function pixelFormatNumber({ av }: FFmpeg, name: unknown): AvPixelFormat {
  const known: Readonly<Record<string, string>> = { gray8: 'gray', gray16: 'gray16le' }
  const found = typeof name === 'string' ? av.avGetPixFmtFromName(known[name] ?? name) : -1
  if (found < 0) throw badOption('pixelFormat', "the name of one of FFmpeg's pixel formats", name)
  return found as AvPixelFormat
}

/**
 * Copies through a reused frame whose rows have no padding: views of a frame's own memory would
 * keep it until garbage collection.
 */
function copyPicture(ffmpeg: FFmpeg, frame: AvFrame, to: Uint8Array): void {
  const stage = stageFor(ffmpeg, frame)
  check(ffmpeg, stage.copy(frame), 'copying a frame')
  gather(stage.data ?? [], to)
}

function convertPicture(
  ffmpeg: FFmpeg,
  frame: AvFrame,
  format: AvPixelFormat,
  to: Uint8Array,
): void {
  scalers ??= new Scalers(ffmpeg)
  const copy = frame.clone()
  if (copy === null) throw new Error('no memory for a frame')
  try {
    scalers.describeColours(copy)
    const { width, height } = frame
    gather(scalers.scale(copy, format, { width, height }, 'bicubic').planes, to)
    scalers.recycle()
  } finally {
    copy.free()
  }
}

function gather(planes: readonly Uint8Array[], to: Uint8Array): void {
  let at = 0
  for (const plane of planes) {
    const rest = to.length - at
    to.set(plane.length > rest ? plane.subarray(0, rest) : plane, at)
    at += Math.min(plane.length, rest)
  }
}

function stageFor(ffmpeg: FFmpeg, { width, height, format }: AvFrame): AvFrame {
  const key = `${format}:${width}x${height}`
  return stages.find(key) ?? stages.add(key, newFrame(ffmpeg, { width, height, format }, 1))
}
