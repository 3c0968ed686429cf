import type { Stream } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'

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
export function refuseEncrypted({ codecpar }: Stream): void {
  const tag = Number(codecpar.codecTag)
  const name = Buffer.from([tag & 255, (tag >> 8) & 255, (tag >> 16) & 255, (tag >>> 24) & 255])
  const scheme = ENCRYPTED.get(name.toString('latin1'))
  if (scheme !== undefined) throw encrypted(scheme)
}

function encrypted(scheme: string): MediaError {
  return new MediaError(
    'ERR_UNSUPPORTED',
    `it is encrypted (${scheme}); decrypt it with its key before`,
  )
}
