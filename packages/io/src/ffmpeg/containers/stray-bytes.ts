import { mayBeMpegFrame } from './mp3.ts'

/**
 * Tags that programs add after or between frames: ID3v2 and its footer, ID3v1 and its extension,
 * Lyrics3, APE.
 */
const TAGS: readonly string[] = ['ID3', '3DI', 'TAG', 'LYRICS', 'APETAGEX']

/**
 * First two bytes of the frames of formats without a container, and the mask of the bits that
 * count.
 */
const SYNC_WORDS: Readonly<Record<string, { readonly mask: number; readonly value: number }>> = {
  aac: { mask: 0xfff6, value: 0xfff0 },
  flac: { mask: 0xfffe, value: 0xfff8 },
  ac3: { mask: 0xffff, value: 0x0b77 },
  eac3: { mask: 0xffff, value: 0x0b77 },
  dts: { mask: 0xffff, value: 0x7ffe },
}

/** Whether bytes begin with a tag, which is no sound. */
export function isTag(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 8)).toString('latin1')
  return TAGS.some((tag) => head.startsWith(tag))
}

/**
 * Whether bytes that could not be decoded may be a damaged or truncated frame; `true` if that is
 * unknown.
 */
export function mayBeFrame(codec: string, bytes: Uint8Array): boolean {
  if (/^mp[123]$/.test(codec)) return mayBeMpegFrame(bytes)
  const sync = SYNC_WORDS[codec]
  if (sync === undefined) return true
  return bytes.length >= 2 && (((bytes[0]! << 8) | bytes[1]!) & sync.mask) === sync.value
}
