import type { Frame } from 'node-av/lib'
import type { FFmpeg } from '../../image/ffmpeg/library.ts'
import type { AudioDType } from '../options.ts'

// Spindle's terms for samples and channels in FFmpeg's.

/** The places of channels. */
export type ChannelLayout = Frame['channelLayout']
/** FFmpeg's number of a sample format. */
export type AvSampleFormat = Parameters<FFmpeg['av']['avGetSampleFmtName']>[0]

/** Where the channels of a frame belong, by their number where the file does not say: as FFmpeg's own programs assume. */
export function describeLayout(frame: Frame, ffmpeg: FFmpeg): ChannelLayout {
  const { constants: c } = ffmpeg
  const layout = frame.channelLayout
  if (layout.order !== c.AV_CHANNEL_ORDER_UNSPEC || LAYOUTS[layout.nbChannels] === undefined) return layout
  const known = defaultLayout(layout.nbChannels, ffmpeg)
  frame.channelLayout = known
  return known
}

/** Where so many channels, 1 to 8, belong if nobody says. */
export function defaultLayout(channels: number, { constants: c }: FFmpeg): ChannelLayout {
  return { nbChannels: channels, order: c.AV_CHANNEL_ORDER_NATIVE, mask: BigInt(LAYOUTS[channels]!) }
}

/** `av_channel_layout_default`: mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1. */
const LAYOUTS: readonly (number | undefined)[] = [
  ...[undefined, 0x4, 0x3, 0xb, 0x107, 0x37, 0x3f, 0x70f, 0x63f],
]

/** A dtype in FFmpeg's terms. */
export function sampleFormat(
  { dtype, isPlanar }: { readonly dtype: AudioDType; readonly isPlanar: boolean },
  { constants: c }: FFmpeg,
): AvSampleFormat {
  switch (dtype) {
    case 'uint8':
      return isPlanar ? c.AV_SAMPLE_FMT_U8P : c.AV_SAMPLE_FMT_U8
    case 'int16':
      return isPlanar ? c.AV_SAMPLE_FMT_S16P : c.AV_SAMPLE_FMT_S16
    case 'int32':
      return isPlanar ? c.AV_SAMPLE_FMT_S32P : c.AV_SAMPLE_FMT_S32
    case 'float32':
      return isPlanar ? c.AV_SAMPLE_FMT_FLTP : c.AV_SAMPLE_FMT_FLT
    case 'float64':
      return isPlanar ? c.AV_SAMPLE_FMT_DBLP : c.AV_SAMPLE_FMT_DBL
  }
}
