import type { Frame, Packet, Stream } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import type { HeifPicture } from './containers/mp4.ts'
import type { FFmpeg } from './library.ts'

/**
 * Refuses a packet that only its owner can decrypt: decoders would take it for damage. @throws
 * MediaError `ERR_UNSUPPORTED`
 */
export function refuseEncrypted({ constants: c }: FFmpeg, packet: Packet): void {
  if (packet.getSideData(c.AV_PKT_DATA_ENCRYPTION_INFO) !== null) throw encrypted()
}

/** What is said of encrypted packets. */
export function encrypted(): MediaError {
  return new MediaError(
    'ERR_UNSUPPORTED',
    'it is encrypted (Common Encryption); decrypt it first: `ffmpeg -decryption_key … -i in.mp4 -c copy out.mp4`',
  )
}

/**
 * Sample entries of MP4 files whose samples are encrypted (ISO/IEC 14496-12 8.12; those of the
 * iTunes Store and of Audible).
 */
const ENCRYPTED: ReadonlyMap<string, string> = new Map([
  ['enca', 'Common Encryption'],
  ['encv', 'Common Encryption'],
  ['drms', 'FairPlay'],
  ['drmi', 'FairPlay'],
  ['aavd', 'Audible'],
])

/** Refuses what nobody decodes without a key. @throws MediaError `ERR_UNSUPPORTED` */
export function refuseEncryptedStream({ codecpar }: Stream): void {
  const tag = Number(codecpar.codecTag)
  const name = Buffer.from([tag & 255, (tag >> 8) & 255, (tag >> 16) & 255, (tag >>> 24) & 255])
  const scheme = ENCRYPTED.get(name.toString('latin1'))
  if (scheme !== undefined)
    throw new MediaError(
      'ERR_UNSUPPORTED',
      `it is encrypted (${scheme}); decrypt it with its key before`,
    )
}

/**
 * Matrices of ITU-T H.273 that FFmpeg's scaler does not know: it would fail, or take the numbers
 * for something else.
 */
export const UNKNOWN_MATRICES: ReadonlyMap<number, string> = new Map([
  [8, 'YCgCo'],
  [10, 'BT.2020 with constant luminance'],
  [11, "Y'D'zD'x (SMPTE 2085)"],
  [13, 'chromaticity-derived, of constant luminance'],
  [14, 'ICtCp'],
  [15, 'IPT-C2'],
  [16, 'YCgCo-Re'],
  [17, 'YCgCo-Ro'],
])

/** Refuses colours that FFmpeg's scaler does not convert. @throws MediaError `ERR_UNSUPPORTED` */
export function refuseMatrix({ colorSpace }: Frame): void {
  const name = UNKNOWN_MATRICES.get(colorSpace)
  if (name === undefined) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `its colours are ${name}, which FFmpeg's scaler does not convert; \`decode\` gives the samples as they are, and ffmpeg's filter libplacebo converts them`,
  )
}

/**
 * HEIC, what phones write, is in the boxes of a video, of which FFmpeg finds the tiles, and not the
 * picture that they make.
 *
 * @throws MediaError `ERR_UNSUPPORTED`
 */
export function refuseStill({ format, item }: HeifPicture): never {
  const parts = item === 'grid' ? ', made of tiles' : ''
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `a still ${format} picture${parts}, not a video: \`loadImage\` reads it`,
  )
}
