import type { Packet, Stream } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import type { FFmpeg } from './library.ts'

/**
 * Sample entries of MP4 files whose samples are encrypted (ISO/IEC 14496-12 8.12; those of the
 * iTunes Store and of Audible).
 */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['enca', 'Common Encryption'],
  ['encv', 'Common Encryption'],
  ['drms', 'FairPlay'],
  ['drmi', 'FairPlay'],
  ['aavd', 'Audible'],
])

/** Refuses a stream that nobody decodes without a key. @throws MediaError `ERR_UNSUPPORTED` */
export function refuseEncryptedStream({ codecpar }: Stream): void {
  const tag = Number(codecpar.codecTag)
  const name = Buffer.from([tag & 255, (tag >> 8) & 255, (tag >> 16) & 255, (tag >>> 24) & 255])
  const scheme = SCHEMES.get(name.toString('latin1'))
  if (scheme === undefined) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `it is encrypted (${scheme}); decrypt it with its key before`,
  )
}

/**
 * Refuses a packet that only its owner can decrypt: decoders would take it for damage. @throws
 * MediaError `ERR_UNSUPPORTED`
 */
export function refuseEncryptedPacket({ constants: c }: FFmpeg, packet: Packet): void {
  if (packet.getSideData(c.AV_PKT_DATA_ENCRYPTION_INFO) !== null) throw encryptedPacket()
}

/** What is said of encrypted packets. */
export function encryptedPacket(): MediaError {
  return new MediaError(
    'ERR_UNSUPPORTED',
    'it is encrypted (Common Encryption); decrypt it first: `ffmpeg -decryption_key … -i in.mp4 -c copy out.mp4`',
  )
}
