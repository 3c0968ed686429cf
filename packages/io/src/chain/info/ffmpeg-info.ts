import { loadFFmpeg } from '../../ffmpeg/library.ts'

/** One of FFmpeg's decoders or encoders. */
export interface CodecInfo {
  /** Its own name, such as `'libx264'`. */
  readonly name: string
  /** The codec, such as `'h264'`. */
  readonly codec: string
  /** FFmpeg's description. */
  readonly description: string
  /** What it decodes or encodes. */
  readonly kind: 'video' | 'audio' | 'subtitle' | 'other'
  /** Whether FFmpeg marks it as experimental. */
  readonly isExperimental: boolean
}

/** One of FFmpeg's filters. */
export interface FilterInfo {
  /** Its name, such as `'scale'`. */
  readonly name: string
  /** FFmpeg's description. */
  readonly description: string
  /** Kinds of its inputs, as far as they are fixed. */
  readonly inputs: readonly ('video' | 'audio')[]
  /** Kinds of its outputs, as far as they are fixed. */
  readonly outputs: readonly ('video' | 'audio')[]
}

/** Description of the FFmpeg in `node-av`. */
export interface FFmpegInfo {
  /** Version, such as `'8.1-Jellyfin'`. */
  readonly version: string
  /** Version of each of its libraries: `{ avcodec: '62.36.101', … }`. */
  readonly libraries: Readonly<Record<string, string>>
  /** Options of its build. */
  readonly configuration: string
  /** Licence of that build, which FFmpeg's configuration decides. */
  readonly license: string
  /** All decoders. */
  readonly decoders: readonly CodecInfo[]
  /** All encoders. */
  readonly encoders: readonly CodecInfo[]
  /** All filters. */
  readonly filters: readonly FilterInfo[]
  /** Names of all bitstream filters. */
  readonly bitstreamFilters: readonly string[]
  /**
   * Kinds of devices that the build supports; only an attempt shows whether the machine has one.
   */
  readonly hardware: readonly string[]
  /** FFmpeg's names of input formats, as far as this package knows their names. */
  readonly inputFormats: readonly string[]
  /** FFmpeg's names of output formats, as far as this package knows their names. */
  readonly outputFormats: readonly string[]
}

/** Formats that are queried, because node-av has no list. */
const FORMATS: readonly string[] = (
  'mov mp4 matroska webm avi flv mpegts mpeg nut ogg asf mxf gif apng ' +
  'image2 image2pipe rawvideo h264 hevc av1 obu ivf m4v mjpeg yuv4mpegpipe dv ' +
  'wav w64 aiff au caf flac mp3 aac adts ipod opus oga ac3 eac3 amr ape dts tta wv ' +
  's8 u8 s16le s16be s24le s32le f32le f64le mulaw alaw lavfi hls dash concat segment null'
).split(' ')

/**
 * Reports what FFmpeg can do here: versions, decoders, encoders, filters, formats, devices, and the
 * licence of the build.
 *
 * @throws MediaError `ERR_BACKEND_MISSING`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { ffmpegInfo } from '@spindle/io'
 *
 * const { decoders, filters, license } = ffmpegInfo()
 * assert.ok(decoders.some(({ codec }) => codec === 'h264'))
 * assert.ok(filters.length > 100)
 * assert.match(license, /GPL/)
 * ```
 */
export function ffmpegInfo(): FFmpegInfo {
  const { av, constants: c } = loadFFmpeg()
  const { version, configuration, libraries } = av.getFFmpegInfo()
  const codecs = av.Codec.getCodecList()
  const describe = (codec: (typeof codecs)[number]): CodecInfo => ({
    name: codec.name ?? '',
    codec: av.avGetCodecName(codec.id) ?? '',
    description: codec.longName ?? '',
    kind:
      codec.type === c.AVMEDIA_TYPE_VIDEO
        ? 'video'
        : codec.type === c.AVMEDIA_TYPE_AUDIO
          ? 'audio'
          : codec.type === c.AVMEDIA_TYPE_SUBTITLE
            ? 'subtitle'
            : 'other',
    isExperimental: codec.isExperimental(),
  })
  const kinds = (pads: readonly { readonly type: number }[]): ('video' | 'audio')[] =>
    pads.map(({ type }) => (type === c.AVMEDIA_TYPE_AUDIO ? 'audio' : 'video'))
  return {
    version,
    libraries: { ...libraries },
    configuration,
    license: licenseOf(configuration),
    decoders: codecs.filter((codec) => codec.isDecoder()).map(describe),
    encoders: codecs.filter((codec) => codec.isEncoder()).map(describe),
    filters: av.Filter.getList().map((filter) => ({
      name: filter.name ?? '',
      description: filter.description ?? '',
      inputs: kinds(filter.inputs),
      outputs: kinds(filter.outputs),
    })),
    bitstreamFilters: av.BitStreamFilter.iterate().map(({ name }) => name ?? ''),
    hardware: av.HardwareDeviceContext.iterateTypes().map(
      (type) => av.HardwareDeviceContext.getTypeName(type) ?? '',
    ),
    inputFormats: FORMATS.filter((name) => av.InputFormat.findInputFormat(name) !== null),
    outputFormats: FORMATS.filter((name) => av.OutputFormat.guessFormat(name, null, null) !== null),
  }
}

/** The licence, derived as in FFmpeg's `configure`. */
function licenseOf(configuration: string): string {
  const has = (flag: string): boolean => new RegExp(`--enable-${flag}(\\s|$)`).test(configuration)
  if (has('nonfree')) return 'nonfree and unredistributable'
  const version = has('version3') ? '3' : has('gpl') ? '2' : '2.1'
  return `${has('gpl') ? 'GPL' : 'LGPL'} version ${version} or later`
}
