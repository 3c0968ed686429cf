import type { Frame } from 'node-av/lib'
import type { FFmpeg } from '../../ffmpeg/library.ts'

// Converts Spindle's terms for channels to FFmpeg's.

/** The positions of channels. */
export type ChannelLayout = Frame['channelLayout']

/**
 * The positions of a frame's channels. If the file does not declare them, they follow from the
 * number of channels, as in FFmpeg's own programs.
 */
export function describeLayout({ channelLayout }: Frame, ffmpeg: FFmpeg): ChannelLayout {
  const { order, nbChannels } = channelLayout
  return order === ffmpeg.constants.AV_CHANNEL_ORDER_UNSPEC
    ? layoutOf(nbChannels, 0n, ffmpeg)
    : channelLayout
}

/**
 * Gives arbitrary positions to channels of unknown position, because FFmpeg's resampler fails
 * without. Such channels must not be mixed.
 */
export function placedLayout(layout: ChannelLayout, { constants: c }: FFmpeg): ChannelLayout {
  const { nbChannels } = layout
  if (layout.mask !== 0n || nbChannels > MOST_PLACES) return layout
  return { nbChannels, order: c.AV_CHANNEL_ORDER_NATIVE, mask: (1n << BigInt(nbChannels)) - 1n }
}

/** Bits of a mask, and the largest number of channels of FFmpeg's resampler. */
const MOST_PLACES = 63

/** The default positions of 1 to 8 channels. */
export function defaultLayout(channels: number, { constants: c }: FFmpeg): ChannelLayout {
  return {
    nbChannels: channels,
    order: c.AV_CHANNEL_ORDER_NATIVE,
    mask: BigInt(LAYOUTS[channels]!),
  }
}

/**
 * The layout of a mask of positions, one bit each. 0n means that the file does not say: then the
 * default positions for that number of channels, or none.
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
