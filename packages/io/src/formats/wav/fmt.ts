import { damaged, MediaError } from '../../base/errors.ts'

/** How the samples of a WAV file are stored. */
export interface WavFormat {
  /** Coding of the samples. */
  readonly encoding: 'pcm' | 'float' | 'alaw' | 'mulaw'
  /** The format tag as stored: 1 PCM, 3 float, 6 A-law, 7 mu-law, 0xFFFE extensible. */
  readonly formatTag: number
  /** Number of channels. */
  readonly channels: number
  /** Samples per second and channel. */
  readonly sampleRate: number
  /** Bits of a sample; those of PCM are in the upper bits of its bytes. */
  readonly bitsPerSample: number
  /**
   * Significant bits of a sample if the file declares them (extensible), otherwise `bitsPerSample`.
   */
  readonly validBitsPerSample: number
  /**
   * The loudspeaker of each channel, one bit each (extensible); 0 if the file does not declare it.
   */
  readonly channelMask: number
  /** Bytes of one sample of every channel. */
  readonly blockAlign: number
  /** `sampleRate * blockAlign`; the file's own value is not used. */
  readonly byteRate: number
  /** Whether samples are big-endian: RIFX. */
  readonly isBigEndian: boolean
}

/** Number of bytes of a `fmt ` chunk that have a meaning. */
export const FMT_BYTES = 40

const EXTENSIBLE = 0xfffe
const ENCODINGS: Readonly<Record<number, WavFormat['encoding']>> = {
  1: 'pcm',
  3: 'float',
  6: 'alaw',
  7: 'mulaw',
}
/** Possible sizes of a sample, in bytes. */
const WIDTHS: { readonly [E in WavFormat['encoding']]: readonly number[] } = {
  pcm: [1, 2, 3, 4, 8],
  float: [4, 8],
  alaw: [1],
  mulaw: [1],
}
/** Names of formats that need a decoder, for messages. */
const OTHERS: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  80: 'MPEG',
  85: 'MP3',
  255: 'AAC',
  353: 'WMA',
  8192: 'AC-3',
}
/**
 * The bytes after the tag in the GUIDs of extensible files: KSDATAFORMAT_SUBTYPE_…, and ambisonic
 * B-format.
 */
const GUID_TAILS: readonly string[] = [
  '000000001000800000aa00389b71',
  '00002107d3118644c8c1ca000000',
]

/**
 * Parses the body of a `fmt ` chunk. Errors do not name the source.
 *
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 */
export function parseFmt(body: Uint8Array, isBigEndian: boolean): WavFormat {
  if (body.byteLength < 16)
    throw damaged(`its 'fmt ' chunk has ${body.byteLength} bytes, at least 16 are needed`)
  const bytes = isBigEndian ? inLittleEndian(body) : body
  const formatTag = uint16(bytes, 0)
  const channels = uint16(bytes, 2)
  const sampleRate = uint16(bytes, 4) + uint16(bytes, 6) * 65536
  const blockAlign = uint16(bytes, 12)
  const bitsPerSample = uint16(bytes, 14)
  let tag = formatTag
  let validBitsPerSample = bitsPerSample
  let channelMask = 0
  if (formatTag === EXTENSIBLE) {
    if (bytes.byteLength < FMT_BYTES)
      throw damaged(`its extensible 'fmt ' chunk has only ${bytes.byteLength} bytes`)
    tag = uint16(bytes, 24)
    const tail = Buffer.from(bytes.subarray(26, FMT_BYTES)).toString('hex')
    if (!GUID_TAILS.includes(tail))
      throw unsupported(`samples of the format ${tag.toString(16)}-${tail}`)
    // Some writers leave it 0.
    validBitsPerSample = uint16(bytes, 18) || bitsPerSample
    channelMask = uint16(bytes, 20) + uint16(bytes, 22) * 65536
  }
  const encoding = ENCODINGS[tag]
  if (encoding === undefined) {
    const name = OTHERS[tag]
    throw unsupported(
      `samples of format 0x${tag.toString(16).padStart(4, '0')}${name ? ` (${name})` : ''}`,
    )
  }
  if (channels === 0) throw damaged('no channels')
  if (sampleRate === 0) throw damaged('a sample rate of 0')
  const width = blockAlign / channels
  if (bitsPerSample === 0 || bitsPerSample > width * 8 || validBitsPerSample > width * 8) {
    throw damaged(
      `samples of ${Math.max(bitsPerSample, validBitsPerSample)} bits in ${blockAlign} bytes for ${channels} channels`,
    )
  }
  if (!WIDTHS[encoding].includes(width)) {
    throw unsupported(
      `${encoding} samples of ${bitsPerSample} bits, ${blockAlign} bytes for ${channels} channels`,
    )
  }
  const byteRate = sampleRate * blockAlign
  return {
    encoding,
    formatTag,
    channels,
    sampleRate,
    bitsPerSample,
    validBitsPerSample,
    channelMask,
    blockAlign,
    byteRate,
    isBigEndian,
  }
}

/**
 * Converts the body of a chunk to little-endian: numbers of 16 bits, and of 32 bits at 4, 8 and 20.
 */
function inLittleEndian(body: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body.subarray(0, body.byteLength & ~1)).swap16()
  for (const at of [4, 8, 20]) {
    if (at + 4 > bytes.byteLength) continue
    const upper = bytes.readUInt16LE(at)
    bytes.writeUInt16LE(bytes.readUInt16LE(at + 2), at)
    bytes.writeUInt16LE(upper, at + 2)
  }
  // The GUID of the format: its first field has 32 bits, its last eight bytes are single bytes.
  if (bytes.byteLength >= FMT_BYTES) {
    const upper = bytes.readUInt16LE(24)
    bytes.writeUInt16LE(bytes.readUInt16LE(26), 24)
    bytes.writeUInt16LE(upper, 26)
    bytes.set(body.subarray(32, FMT_BYTES), 32)
  }
  return bytes
}

/** Little-endian. */
function uint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

function unsupported(problem: string): MediaError {
  return new MediaError('ERR_UNSUPPORTED', problem)
}
