import type { NdArray } from '../../base/array.ts'
import { defined } from '../../base/defined.ts'
import { MediaError } from '../../base/errors.ts'
import { loadFFmpeg } from '../../ffmpeg/library.ts'
import { Encoder } from '../encode/encoder.ts'
import { findEncoder, LOSSLESS } from '../encode/find-encoder.ts'
import { Frames } from '../frames/frames.ts'
import { Muxer } from '../mux/muxer.ts'
import type { VideoJob } from './encode-video-options.ts'

interface Codecs {
  readonly video: string
  readonly audio: string
}

const MODERN: Codecs = { video: 'h264', audio: 'aac' }

/** The usual codecs of formats. */
const USUAL: Readonly<Record<string, Codecs>> = {
  ...{ mp4: MODERN, mov: MODERN, matroska: MODERN, mpegts: MODERN, flv: MODERN },
  webm: { video: 'vp9', audio: 'opus' },
  avi: { video: 'mpeg4', audio: 'mp3' },
  gif: { video: 'gif', audio: 'none' },
  nut: { video: 'ffv1', audio: 'flac' },
}

/** Number of pictures that are encoded at a time, because frames are copies. */
const PICTURES_AT_ONCE = 16

/**
 * Encodes pictures and sound in this thread. Returns the bytes if there is no path.
 *
 * @throws MediaError
 */
export function encodeVideoInThread(job: VideoJob): Uint8Array | undefined {
  const { array, path, format, formatOptions, metadata, audio } = job
  const muxer = new Muxer(path, defined({ format, formatOptions, metadata }))
  const made: Disposable[] = [muxer]
  try {
    const usual = usualCodecs(job)
    const { wantsGlobalHeader: globalHeader } = muxer
    const video = pictureEncoder(job, usual.video, globalHeader)
    made.push(video)
    const track = muxer.addStream()
    const sound = audio === undefined ? undefined : soundEncoder(audio, usual.audio, globalHeader)
    if (sound !== undefined) made.push(sound)
    const soundTrack = sound === undefined ? undefined : muxer.addStream()
    if (sound !== undefined && soundTrack !== undefined) {
      muxer.write(soundTrack, sound.encode(audio!.array))
      muxer.write(soundTrack, sound.flush())
    }
    for (const part of partsOf(array)) muxer.write(track, video.encode(part))
    muxer.write(track, video.flush())
    return muxer.finish()
  } finally {
    for (const one of made.toReversed()) one[Symbol.dispose]()
  }
}

function usualCodecs({ path, format }: VideoJob): Codecs {
  const { av } = loadFFmpeg()
  const found = av.OutputFormat.guessFormat(format ?? null, path ?? null, null)?.name ?? ''
  return USUAL[found] ?? MODERN
}

function pictureEncoder(job: VideoJob, usual: string, globalHeader: boolean): Encoder {
  const { codec = usual, frameRate, inputPixelFormat, bitRate, gopSize, threads } = job
  const pixelFormat = job.pixelFormat ?? usualPixels(codec, job)
  const options = job.encoderOptions
  return new Encoder({
    codec,
    frameRate,
    globalHeader,
    ...defined({ inputPixelFormat, pixelFormat, bitRate, gopSize, options, threads }),
  })
}

function usualPixels(codec: string, { array, inputPixelFormat }: VideoJob): string | undefined {
  if (LOSSLESS.has(codec)) return undefined
  const ffmpeg = loadFFmpeg()
  const possible = (findEncoder(ffmpeg, codec).pixelFormats ?? []).map((format) =>
    ffmpeg.av.avGetPixFmtName(format),
  )
  const one = partsOf(array).next().value!
  const frames = Frames.fromVideo(one, {
    frameRate: 1,
    ...defined({ pixelFormat: inputPixelFormat }),
  })
  try {
    const { width, height } = frames.at(0)
    const wanted = width % 2 === 0 && height % 2 === 0 ? 'yuv420p' : 'yuv444p'
    return possible.includes(wanted) ? wanted : undefined
  } finally {
    frames[Symbol.dispose]()
  }
}

function soundEncoder(
  { sampleRate, layout, codec, bitRate }: NonNullable<VideoJob['audio']>,
  usual: string,
  globalHeader: boolean,
): Encoder {
  if (codec === undefined && usual === 'none')
    throw new MediaError('ERR_BAD_OPTION', '`audio` must be left out: the format has no sound')
  return new Encoder({
    codec: codec ?? usual,
    sampleRate,
    globalHeader,
    ...defined({ layout, bitRate }),
  })
}

/** Views of some pictures at a time. */
function* partsOf({ data, dtype, shape }: NdArray): Generator<NdArray> {
  const [count = 0, ...rest] = shape
  const size = data.length / count
  for (let from = 0; from < count; from += PICTURES_AT_ONCE) {
    const to = Math.min(count, from + PICTURES_AT_ONCE)
    yield {
      data: data.subarray(from * size, to * size) as never,
      dtype,
      shape: [to - from, ...rest],
    }
  }
}
