import type { Frame } from 'node-av/lib'
import type { FFmpeg } from '../../ffmpeg/library.ts'

// Spindle's terms for channels in FFmpeg's.

/** The places of channels. */
export type ChannelLayout = Frame['channelLayout']

/**
 * Where the channels of a frame belong, by their number where the file does not say: as FFmpeg's
 * own programs assume.
 */
export function describeLayout({ channelLayout }: Frame, ffmpeg: FFmpeg): ChannelLayout {
  const { order, nbChannels } = channelLayout
  return order === ffmpeg.constants.AV_CHANNEL_ORDER_UNSPEC
    ? layoutOf(nbChannels, 0n, ffmpeg)
    : channelLayout
}

/**
 * A layout with any places for channels of unknown ones, since FFmpeg's resampler loses its way
 * without; they must not be mixed.
 */
export function placedLayout(layout: ChannelLayout, { constants: c }: FFmpeg): ChannelLayout {
  const { nbChannels } = layout
  if (layout.mask !== 0n || nbChannels > MOST_PLACES) return layout
  return { nbChannels, order: c.AV_CHANNEL_ORDER_NATIVE, mask: (1n << BigInt(nbChannels)) - 1n }
}

/** Bits of a mask, and channels that FFmpeg's resampler takes. */
const MOST_PLACES = 63

/** Where so many channels, 1 to 8, belong if nobody says. */
export function defaultLayout(channels: number, { constants: c }: FFmpeg): ChannelLayout {
  return {
    nbChannels: channels,
    order: c.AV_CHANNEL_ORDER_NATIVE,
    mask: BigInt(LAYOUTS[channels]!),
  }
}

/**
 * Channels of a mask of places, one bit each; 0n where the file says nothing: then the usual places
 * of so many, or none.
 */
export function layoutOf(channels: number, mask: bigint, ffmpeg: FFmpeg): ChannelLayout {
  const { constants: c } = ffmpeg
  if (mask !== 0n) return { nbChannels: channels, order: c.AV_CHANNEL_ORDER_NATIVE, mask }
  if (LAYOUTS[channels] !== undefined) return defaultLayout(channels, ffmpeg)
  return { nbChannels: channels, order: c.AV_CHANNEL_ORDER_UNSPEC, mask: 0n }
}

/** `av_channel_layout_default`: mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1. */
const LAYOUTS: readonly (number | undefined)[] = [
  ...[undefined, 0x4, 0x3, 0xb, 0x107, 0x37, 0x3f, 0x70f, 0x63f],
]
