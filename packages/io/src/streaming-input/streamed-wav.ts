import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import { MediaError } from '../base/errors.ts'
import { OPEN_ENDED_CHUNK } from '../ffmpeg/containers/open-ended.ts'
import {
  isWavHead,
  type StreamedWav,
  streamedWavHeader,
  type WavHeader,
} from '../formats/wav/wav-header.ts'

/**
 * Bytes of a header that are looked through for the samples; longer ones FFmpeg gets as they are.
 */
const MOST_HEAD = 1 << 20
const UNKNOWN = 0xffffffff
const TAGS = { pcm: 1, float: 3, alaw: 6, mulaw: 7 } as const
/** Of an extensible format, behind its tag. */
const GUID_TAIL = Buffer.from('000000001000800000aa00389b71', 'hex')

/**
 * What FFmpeg is to get of a stream that may be a WAV file. FFmpeg takes big-endian samples for
 * little-endian ones, and believes sizes that were never filled in: so samples are turned around,
 * and of such sizes it is told in a mark. All else goes through as it comes.
 */
export function readableForFFmpeg(source: Readable): Readable {
  // Each ends with the other, and the error of the source is that of what is read.
  return pipeline(source, new WavFixer(), () => {})
}

/**
 * States: the header is gathered; then bytes go through, or samples are turned around until there
 * are no more.
 */
class WavFixer extends Transform {
  #head: Buffer | undefined = Buffer.alloc(0)
  /** Bytes a sample, where they are to be turned around. */
  #width = 1
  /** Bytes of samples that are still to come. */
  #left = Infinity
  /** A part of a sample. */
  #part: Buffer = Buffer.alloc(0)

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#take(bytes)
      done()
    } catch (error) {
      done(error as Error)
    }
  }

  override _flush(done: () => void): void {
    if (this.#head !== undefined) this.push(this.#head)
    done()
  }

  #take(bytes: Buffer): void {
    if (this.#head === undefined) {
      this.#pass(bytes)
      return
    }
    this.#head = Buffer.concat([this.#head, bytes])
    if (this.#isHeadDone(this.#head)) this.#start(this.#head)
  }

  #isHeadDone(head: Buffer): boolean {
    if (head.length < 12) return false
    return !isWavHead(head) || head.length > MOST_HEAD || found(head) !== undefined
  }

  #start(head: Buffer): void {
    this.#head = undefined
    const wav = isWavHead(head) ? found(head) : undefined
    const isBig = isWavHead(head) && head.toString('latin1', 0, 4) === 'RIFX'
    const { header, dataOffset = 0, dataBytes = 0 } = wav ?? {}
    if (isBig && (header === undefined || header instanceof MediaError)) {
      const problem = header?.message ?? 'no samples in it'
      throw new MediaError('ERR_UNSUPPORTED', `a big-endian WAV file (RIFX): ${problem}`)
    }
    if (header !== undefined && (isBig || dataBytes === Infinity)) {
      const before = isBig
        ? littleEndianHead(header as WavHeader)
        : head.subarray(0, dataOffset - 8)
      this.push(dataHead(before, dataBytes))
      if (isBig) this.#turn(header as WavHeader, dataBytes)
      this.#pass(head.subarray(dataOffset))
    } else this.push(head)
  }

  #turn({ blockAlign, channels }: WavHeader, dataBytes: number): void {
    this.#width = blockAlign / channels
    this.#left = dataBytes
  }

  #pass(bytes: Buffer): void {
    if (this.#width === 1) {
      this.#give(bytes)
      return
    }
    const all = Buffer.concat([this.#part, bytes])
    const whole = all.length - (all.length % this.#width)
    this.#part = all.subarray(whole)
    this.#give(turned(all.subarray(0, whole), this.#width))
  }

  #give(bytes: Buffer): void {
    const given = bytes.subarray(0, Math.min(bytes.length, this.#left))
    this.#left -= given.length
    if (given.length > 0) this.push(given)
  }
}

/**
 * The header, as far as it has come; `undefined` where more is needed, or it is none: then FFmpeg
 * says so.
 */
function found(head: Buffer): StreamedWav | undefined {
  try {
    return streamedWavHeader(head)
  } catch {
    return undefined
  }
}

/**
 * All that stands in front of samples, little-endian: with a mark, where they are to go on to the
 * end.
 */
function dataHead(before: Buffer, dataBytes: number): Buffer {
  const chunk = Buffer.from('data    ')
  chunk.writeUInt32LE(Math.min(dataBytes, UNKNOWN), 4)
  const head = Buffer.concat([before, ...(dataBytes === Infinity ? [OPEN_ENDED_CHUNK] : []), chunk])
  head.write('RIFF')
  return head
}

/** The header of a big-endian file as a little-endian one has it, to before the samples. */
function littleEndianHead(header: WavHeader): Buffer {
  const { encoding, channels, sampleRate, byteRate, blockAlign, channelMask } = header
  const isExtensible = channelMask !== 0
  const head = Buffer.alloc(isExtensible ? 60 : 36)
  head.write('RIFF')
  head.writeUInt32LE(UNKNOWN, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(isExtensible ? 40 : 16, 16)
  head.writeUInt16LE(isExtensible ? 0xfffe : TAGS[encoding], 20)
  head.writeUInt16LE(channels, 22)
  head.writeUInt32LE(sampleRate, 24)
  head.writeUInt32LE(Math.min(byteRate, UNKNOWN), 28)
  head.writeUInt16LE(blockAlign, 32)
  head.writeUInt16LE((blockAlign / channels) * 8, 34)
  if (isExtensible) {
    head.writeUInt16LE(22, 36)
    head.writeUInt16LE(header.validBitsPerSample, 38)
    head.writeUInt32LE(channelMask, 40)
    head.writeUInt16LE(TAGS[encoding], 44)
    GUID_TAIL.copy(head, 46)
  }
  return head
}

function turned(bytes: Buffer, width: number): Buffer {
  if (width === 2) return bytes.swap16()
  if (width === 4) return bytes.swap32()
  if (width === 8) return bytes.swap64()
  for (let at = 0; at + 2 < bytes.length; at += 3) {
    const first = bytes[at]!
    bytes[at] = bytes[at + 2]!
    bytes[at + 2] = first
  }
  return bytes
}
