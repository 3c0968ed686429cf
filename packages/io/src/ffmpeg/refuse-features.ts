import type { Frame, Packet } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
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

/** Refuses colours that FFmpeg's scaler does not convert. @throws MediaError `ERR_UNSUPPORTED` */
export function refuseMatrix({ constants: c }: FFmpeg, frame: Frame): void {
  const { colorSpace } = frame
  if (colorSpace === c.AVCOL_SPC_UNSPECIFIED || colorSpace === c.AVCOL_SPC_BT709) return
  const name = namesOf(c).get(colorSpace)
  if (name === undefined) return
  throw new MediaError(
    'ERR_UNSUPPORTED',
    `its colours are ${name}, which FFmpeg's scaler does not convert; \`decode\` gives the samples as they are, and ffmpeg's filter libplacebo converts them`,
  )
}

let names: ReadonlyMap<number, string> | undefined

function namesOf(c: FFmpeg['constants']): ReadonlyMap<number, string> {
  names ??= new Map<number, string>([
    [c.AVCOL_SPC_YCGCO, 'YCgCo'],
    [c.AVCOL_SPC_BT2020_CL, 'BT.2020 with constant luminance'],
    [c.AVCOL_SPC_SMPTE2085, "Y'D'zD'x (SMPTE 2085)"],
    [c.AVCOL_SPC_CHROMA_DERIVED_CL, 'of constant luminance, derived from their primaries'],
    [c.AVCOL_SPC_ICTCP, 'ICtCp'],
    [c.AVCOL_SPC_IPT_C2, 'IPT-C2'],
    [c.AVCOL_SPC_YCGCO_RE, 'YCgCo-Re'],
    [c.AVCOL_SPC_YCGCO_RO, 'YCgCo-Ro'],
  ])
  return names
}
