import type { Frame as AvFrame, Codec } from 'node-av/lib'
import { badOption, MediaError } from '../../base/errors.ts'
import { encoderNamed } from '../../ffmpeg/encoders.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { filters } from '../filter/filters.ts'
import { pixelFormatNumber } from '../frames/to-array.ts'
import type { EncoderOptions } from './encoder-options.ts'

/**
 * The encoder that is meant by the name of a codec: one that runs on the processor, and is the best
 * of them.
 */
const PREFERRED: Readonly<Record<string, string>> = {
  h264: 'libx264',
  hevc: 'libx265',
  h265: 'libx265',
  vp8: 'libvpx',
  vp9: 'libvpx-vp9',
  av1: 'libsvtav1',
  mp3: 'libmp3lame',
  opus: 'libopus',
  vorbis: 'libvorbis',
  theora: 'libtheora',
  webp: 'libwebp',
}

/** Codecs that lose nothing: pixels are left as they are, or nearly. */
export const LOSSLESS: ReadonlySet<string> = new Set(
  'ffv1 rawvideo png apng huffyuv ffvhuff utvideo libx264rgb qtrle gif'.split(' '),
)

/** @throws MediaError `ERR_UNSUPPORTED` where there is none */
export function findEncoder(ffmpeg: FFmpeg, name: string): Codec {
  const { constants: c } = ffmpeg
  const wanted = Object.hasOwn(PREFERRED, name) ? PREFERRED[name]! : name
  const found = encoderNamed(ffmpeg, [wanted, name], name)
  if (found.type !== c.AVMEDIA_TYPE_VIDEO && found.type !== c.AVMEDIA_TYPE_AUDIO)
    throw new MediaError('ERR_UNSUPPORTED', `this FFmpeg has no encoder for ${name}`)
  return found
}

/** The filters that make of frames what an encoder takes. */
export function conversionFor(
  ffmpeg: FFmpeg,
  codec: Codec,
  first: AvFrame,
  options: EncoderOptions,
  frameSize: number,
): string {
  return first.width > 0
    ? picturesFor(ffmpeg, codec, first, options)
    : soundFor(ffmpeg, codec, first, options, frameSize)
}

function picturesFor(
  ffmpeg: FFmpeg,
  codec: Codec,
  first: AvFrame,
  { pixelFormat }: EncoderOptions,
): string {
  const { av, constants: c } = ffmpeg
  if (codec.type !== c.AVMEDIA_TYPE_VIDEO)
    throw badOption('frames', `sound for the encoder ${codec.name}`, 'pictures')
  const possible = (codec.pixelFormats ?? []).map((format) => av.avGetPixFmtName(format) ?? '?')
  const given = av.avGetPixFmtName(first.format as never) ?? '?'
  const to =
    pixelFormat === undefined
      ? defaultFormat(ffmpeg, codec, given, possible)
      : checkedFormat(ffmpeg, codec, pixelFormat, possible)
  if (to === given) return 'null'
  const isFromRgb = /^(rgb|bgr|gbr|argb|abgr|pal8|0rgb|x2)/.test(given)
  const isToRgb = /^(rgb|bgr|gbr|argb|abgr|pal8|0rgb)/.test(to)
  // Said, so that players know it: else it would be up to them which matrix they take.
  const colours = isFromRgb && !isToRgb ? { out_color_matrix: 'bt601', out_range: 'tv' } : {}
  return filters.chain(
    filters.filter('scale', { flags: 'bicubic+accurate_rnd+full_chroma_int', ...colours }),
    filters.format(to),
  )
}

function defaultFormat(
  { av }: FFmpeg,
  codec: Codec,
  given: string,
  possible: readonly string[],
): string {
  if (possible.length === 0 || possible.includes(given)) return given
  if (possible.includes('yuv420p') && !LOSSLESS.has(codec.name ?? '')) return 'yuv420p'
  const best = av.avcodecFindBestPixFmtOfList(codec.pixelFormats!, av.avGetPixFmtFromName(given))
  return av.avGetPixFmtName(best) ?? possible[0]!
}

function checkedFormat(
  ffmpeg: FFmpeg,
  codec: Codec,
  wanted: string,
  possible: readonly string[],
): string {
  const name = ffmpeg.av.avGetPixFmtName(pixelFormatNumber(ffmpeg, wanted)) ?? wanted
  if (possible.length === 0 || possible.includes(name)) return name
  throw badOption(
    'pixelFormat',
    `one of ${possible.join(', ')} for the encoder ${codec.name}`,
    wanted,
  )
}

function soundFor(
  { av, constants: c }: FFmpeg,
  codec: Codec,
  first: AvFrame,
  { sampleFormat, sampleRate, channelLayout }: EncoderOptions,
  frameSize: number,
): string {
  if (codec.type !== c.AVMEDIA_TYPE_AUDIO)
    throw badOption('frames', `pictures for the encoder ${codec.name}`, 'sound')
  const formats = (codec.sampleFormats ?? []).map((format) => av.avGetSampleFmtName(format) ?? '?')
  if (sampleFormat !== undefined && formats.length > 0 && !formats.includes(sampleFormat)) {
    throw badOption(
      'sampleFormat',
      `one of ${formats.join(', ')} for the encoder ${codec.name}`,
      sampleFormat,
    )
  }
  const given = av.avGetSampleFmtName(first.format as never) ?? '?'
  const packed = given.replace(/p$/, '')
  const nearest =
    formats.find((format) => format === given) ??
    formats.find((format) => format.replace(/p$/, '') === packed)
  const rates = codec.supportedSamplerates ?? []
  const rate = sampleRate ?? first.sampleRate
  if (rates.length > 0 && !rates.includes(rate)) {
    throw badOption(
      'sampleRate',
      `one of ${rates.toSorted((a, b) => a - b).join(', ')} for the encoder ${codec.name}`,
      rate,
    )
  }
  const format = filters.aformat({
    sampleFormat: sampleFormat ?? nearest ?? formats[0] ?? given,
    sampleRate: rate,
    ...(channelLayout === undefined ? {} : { channelLayout }),
  })
  const pieces =
    frameSize > 0 ? filters.filter('asetnsamples', { n: frameSize, p: false }) : undefined
  return filters.chain(format, pieces)
}
