import type { FormatContext, InputFormat, Stream } from 'node-av/lib'
import { bytesOf } from '../base/dtypes.ts'
import { MediaError } from '../base/errors.ts'
import type { SyncReader } from '../files/routine.ts'
import { codecWhitelist } from './decoders.ts'
import { check, type FFmpeg } from './library.ts'
import { refuseBombs } from './refuse-bombs.ts'

/** An input for FFmpeg. */
interface ContextInput {
  /** The URL to open: `file:` and a path, or another URL. */
  readonly url: string
  /**
   * Allowed protocols, separated by commas; `undefined` for no restriction, if the input is not a
   * file.
   */
  readonly protocols: string | undefined
  /** The format, if the caller names one; it may be any format then. */
  readonly format?: InputFormat | undefined
  readonly options?: Readonly<Record<string, string>>
  /**
   * Reads the file, because its name and its announced sizes may mislead FFmpeg. `undefined` for
   * streams.
   */
  readonly inspect: (<T>(work: (reader: SyncReader) => T) => T) | undefined
}

/** Largest number of streams in a container, because a damaged file may have many. */
const MAX_STREAMS = 100

/** Number of bytes that are read to detect the format, if the name must not decide it. */
const HEAD_BYTES = 65_536

/** Names that FFmpeg would read as patterns for several files. */
const PATTERN = /[%*?{[]/

/**
 * Lets FFmpeg open a container. Only this function opens inputs. FFmpeg opens no file that the
 * input names, and no format that would (see `formats.ts`), unless the caller has named that
 * format. The caller closes the container.
 *
 * @throws Error of FFmpeg, or MediaError without a source
 */
export function openContext(ffmpeg: FFmpeg, input: ContextInput): FormatContext {
  const { av } = ffmpeg
  const { url, protocols, inspect, options = {} } = input
  const isPattern = input.format === undefined && inspect !== undefined && PATTERN.test(url)
  if (input.format === undefined) inspect?.(refuseBombs)
  // This comes first: node-av crashes at the end of the process if a context was made and never
  // opened.
  const format = input.format ?? (isPattern ? formatOf(ffmpeg, inspect(headOf)) : null)
  const given = av.Dictionary.fromObject({
    ...(protocols === undefined ? {} : { protocol_whitelist: protocols }),
    ...(input.format === undefined ? { format_whitelist: FORMAT_WHITELIST } : {}),
    codec_whitelist: codecWhitelist(ffmpeg),
    ...options,
  })
  const context = new av.FormatContext()
  context.allocContext()
  context.maxStreams = MAX_STREAMS
  try {
    const result = context.openInputSync(url, format, given)
    if (result < 0 && input.format === undefined && inspect !== undefined)
      refuseList(ffmpeg, inspect(headOf))
    check(ffmpeg, result, 'opening it')
    return context
  } catch (error) {
    context.closeInputSync()
    throw error
  } finally {
    given.free()
  }
}

/**
 * Lets FFmpeg decode a little if headers say too little to decode the streams, as in MP3, FLAC,
 * MPEG-TS and raw streams.
 *
 * @param isForced whether FFmpeg reads all that it can, which may cost more than decoding
 */
export function findFacts(
  ffmpeg: FFmpeg,
  context: FormatContext,
  streams: readonly Stream[],
  isForced: boolean,
): void {
  const { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } = ffmpeg.constants
  const lacks = ({ codecpar }: Stream): boolean => {
    if (codecpar.codecType === AVMEDIA_TYPE_AUDIO)
      return codecpar.sampleRate === 0 || codecpar.channels === 0
    return (
      codecpar.codecType === AVMEDIA_TYPE_VIDEO && (codecpar.width === 0 || codecpar.height === 0)
    )
  }
  if (isForced || streams.length === 0 || streams.some(lacks))
    check(ffmpeg, context.findStreamInfoSync(null), 'looking for its streams')
}

function headOf(reader: SyncReader): Uint8Array {
  return reader.read(0, Math.min(HEAD_BYTES, reader.size))
}

/** @throws MediaError `ERR_UNSUPPORTED` if FFmpeg would open other files for this one */
function refuseList(ffmpeg: FFmpeg, head: Uint8Array): void {
  // FFmpeg recognises this format only by its name.
  const isPlaylist = Buffer.from(head.subarray(0, 10)).toString('latin1').includes('#EXTM3U')
  const name = isPlaylist ? 'hls' : formatOf(ffmpeg, head)?.name
  if (typeof name === 'string' && opensOthers(name))
    throw new MediaError('ERR_UNSUPPORTED', `a list of other files (${name}), which are not opened`)
}

/**
 * The formats that FFmpeg may use: those that consist of one file. Left out are lists of other
 * files (HLS, DASH, `concat`, IMF, SDP), which would be opened as soon as the list is read; image
 * sequences (`image2` and its variants), which read `%d` in a name as a number and open the
 * neighbours; VobSub and Magic Lantern's MLV, which open files beside; devices; and filter graphs.
 */
const FORMATS = `3dostr 4xm aa aac aax ac3 ac4 ace acm act adf adp ads adx aea afc aiff aix alaw alp amr amrnb amrwb anm apac apc ape apm
apng apv aptx aptx_hd aqtitle argo_asf argo_brp argo_cvg asf asf_o ass ast au av1 avi avr avs avs2 avs3 bethsoftvid bfi bfstm bin bink binka
bit bitpacked bmp_pipe bmv boa bonk brstm c93 caf cavsvideo cdg cdxl cine codec2 codec2raw cri_pipe data daud dcstr dds_pipe derf dfa dfpwm
dhav dirac dnxhd dpx_pipe dsf dsicin dss dts dtshd dv dvbsub dvbtxt dxa ea ea_cdata eac3 epaf evc exr_pipe f32be f32le f64be f64le ffmetadata
film_cpk filmstrip fits flac flic flv frm fsb fwse g722 g723_1 g726 g726le g728 g729 gdv gem_pipe genh gif gif_pipe gsm gxf h261 h263 h264 hca
hcom hdr_pipe hevc hnm hxvs iamf ico idcin idf iff ifv ilbc image2pipe ingenient ipmovie ipu ircam iss iv8 ivf ivr j2k_pipe jacosub jpeg_pipe
jpegls_pipe jpegxl_anim jpegxl_pipe jpegxs_pipe jv kux kvag lc3 libopenmpt live_flv lmlm4 loas lrc luodat lvf lxf m4v matroska,webm mca mcc mgsts
microdvd mjpeg mjpeg_2000 mlp mm mmf mods moflex mov,mp4,m4a,3gp,3g2,mj2 mp3 mpc mpc8 mpeg mpegts mpegtsraw mpegvideo mpjpeg mpl2 mpsub
msf msnwctcp msp mtaf mtv mulaw musx mv mvi mxf mxg nc nistsphere nsp nsv nut nuv obu ogg oma osq oss paf pam_pipe pbm_pipe pcx_pipe pdv
pfm_pipe pgm_pipe pgmyuv_pipe pgx_pipe phm_pipe photocd_pipe pictor_pipe pjs pmp png_pipe pp_bnk ppm_pipe psd_pipe psxstr pva pvf qcp qdraw_pipe
qoa qoi_pipe r3d rawvideo rcwt realtext redspark rka rl2 rm roq rpl rsd rso s16be s16le s24be s24le s32be s32le s337m s8 sami sbc sbg scc scd
sdns sdr2 sds sdx ser sga sgi_pipe shn siff simbiosis_imx sln smjpeg smk smush sol sox spdif srt stl subviewer subviewer1 sunrast_pipe sup svag
svg_pipe svs swf tak tedcaptions thp tiertexseq tiff_pipe tmv truehd tta tty txd ty u16be u16le u24be u24le u32be u32le u8 usm v210 v210x vag
vbn_pipe vc1 vc1test vidc vividas vivo vmd voc vpk vplayer vqf vvc w64 wady wav wavarc wc3movie webp_anim webp_pipe webvtt wsaud wsd wsvqa wtv wv
wve xa xbin xbm_pipe xmd xmv xpm_pipe xvag xwd_pipe xwma yop yuv4mpegpipe`

/** For FFmpeg's `format_whitelist`. */
const FORMAT_WHITELIST: string = FORMATS.replaceAll(/\s+/g, ',')

const allowed: ReadonlySet<string> = new Set(FORMATS.split(/\s+/))

/** Whether FFmpeg would open other files when it reads this format. */
function opensOthers(format: string): boolean {
  return !allowed.has(format)
}

/** The format that FFmpeg detects from the first bytes, whatever the file name. */
export function formatOf(
  { av }: FFmpeg,
  head: Uint8Array,
): ReturnType<FFmpeg['av']['InputFormat']['probe']> {
  return av.InputFormat.probe(bytesOf(head))
}
