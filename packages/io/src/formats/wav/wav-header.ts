import { damaged, MediaError } from '../../base/errors.ts'
import type { Routine } from '../../files/routine.ts'
import { FMT_BYTES, parseFmt, type WavFormat } from './fmt.ts'
import { isUnknownSize } from './sizes.ts'

/** What the header of a WAV file says, checked against the size of the file. */
export interface WavHeader extends WavFormat {
  /** Samples a channel. */
  readonly numSamples: number
  /** `numSamples / sampleRate`, in seconds. */
  readonly durationSec: number
  /** Where the samples begin, in bytes from the beginning of the file. */
  readonly dataOffset: number
  /** How many bytes the samples take: `numSamples * blockAlign`. */
  readonly dataBytes: number
  /** Bytes of samples that the header announces and the file lacks: 0 unless `strict: false`. */
  readonly missingBytes: number
}

/**
 * The header of a WAV in memory. Faults do not name the source.
 *
 * @param isStrict whether samples that are announced and missing are an error
 * @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED`
 */
export function headerIn(bytes: Uint8Array, isStrict: boolean): WavHeader {
  const walk = new ChunkWalk(bytes.byteLength, isStrict)
  walk.through(bytes, 0)
  return walk.header()
}

/**
 * The header of a WAV file of `size` bytes, in as few reads as it takes: one, unless long chunks
 * stand in front of the samples.
 */
export function* readWavHeader(size: number, isStrict: boolean): Routine<WavHeader> {
  return (yield* walkChunks(size, isStrict)).header()
}

/** A WAV file of which the beginning has come, and of which nothing tells how long it is. */
export interface StreamedWav {
  /** The header; what is wrong with it, or that its samples are none that are read here. */
  readonly header: WavHeader | MediaError
  readonly dataOffset: number
  /** Bytes of samples as the header says; Infinity where it does not know. */
  readonly dataBytes: number
}

/**
 * The header of such a file; `undefined` where more is needed. @throws MediaError `ERR_DECODE`
 * where it is none
 */
export function streamedWavHeader(bytes: Uint8Array): StreamedWav | undefined {
  const walk = new ChunkWalk(Infinity, false)
  walk.through(bytes, 0)
  return walk.streamed()
}

/**
 * Whether the size of the samples was never filled in; of samples in other formats than those that
 * are read here, too.
 */
export function* hasUnknownSize(size: number): Routine<boolean> {
  return (yield* walkChunks(size, false)).isStreamed
}

function* walkChunks(size: number, isStrict: boolean): Routine<ChunkWalk> {
  const walk = new ChunkWalk(size, isStrict)
  while (!walk.isDone) {
    const offset = walk.at
    walk.through(
      yield { kind: 'read', offset, length: Math.min(READ_BYTES, size - offset) },
      offset,
    )
  }
  return walk
}

const READ_BYTES = 4096

const RIFF = fourCc('RIFF')
const RF64 = fourCc('RF64')
const BW64 = fourCc('BW64')
const RIFX = fourCc('RIFX')
const WAVE = fourCc('WAVE')
const DS64 = fourCc('ds64')
const FMT = fourCc('fmt ')
const DATA = fourCc('data')

/** `riff size`, `data size`, `sample count`, of 64 bits each. */
const DS64_BYTES = 24
const UNKNOWN = 0xffffffff
/** A file of more chunks before its samples is none that a program wrote. */
const MAX_CHUNKS = 10_000

/** Where the samples are. */
interface DataChunk {
  readonly offset: number
  readonly length: number
  /** Whether the header does not tell how long they are. */
  readonly isStreamed: boolean
  /** Bytes that are announced and not there. */
  readonly missing: number
}

/**
 * Goes from chunk to chunk until format and samples are found, through whatever part of the file it
 * is given.
 */
class ChunkWalk {
  /** The next byte that is needed. */
  at = 0
  isDone = false
  private readonly size: number
  private readonly isStrict: boolean
  private isBigEndian = false
  private is64 = false
  private riffSize = 0
  private dataSize64 = 0
  private chunks = 0
  private format: WavFormat | undefined
  /** What is wrong with the format: told when all else has been looked at. */
  private formatFault: unknown
  private data: DataChunk | undefined

  constructor(size: number, isStrict: boolean) {
    this.size = size
    this.isStrict = isStrict
  }

  get isStreamed(): boolean {
    return this.data?.isStreamed ?? false
  }

  /** @param bytes of the file, from `base` on: to its end, or enough for any header */
  through(bytes: Uint8Array, base: number): void {
    if (this.at === 0) this.enter(bytes)
    while (!this.isDone) {
      const { at, size } = this
      const here = at - base
      // Less than a chunk's head may follow the last one.
      if (at + 8 > size) this.isDone = true
      else if (here + 8 + Math.min(FMT_BYTES, size - at - 8) > bytes.byteLength) return
      else this.take(bytes, here)
    }
  }

  header(): WavHeader {
    const { format, data } = this
    if (this.formatFault !== undefined) throw this.formatFault
    if (format === undefined) throw damaged("no 'fmt ' chunk")
    if (data === undefined) throw damaged("no 'data' chunk: it may be truncated")
    // A part of a frame at the end is left out, as all programs do. (Of a stream the length may be
    // Infinity.)
    const dataBytes = data.length - (data.length % format.blockAlign || 0)
    const numSamples = dataBytes / format.blockAlign
    const durationSec = numSamples / format.sampleRate
    // Written out: spreading `format` here takes ten times as long as all the rest of the parsing.
    return {
      encoding: format.encoding,
      formatTag: format.formatTag,
      channels: format.channels,
      sampleRate: format.sampleRate,
      bitsPerSample: format.bitsPerSample,
      validBitsPerSample: format.validBitsPerSample,
      channelMask: format.channelMask,
      blockAlign: format.blockAlign,
      byteRate: format.byteRate,
      isBigEndian: format.isBigEndian,
      numSamples,
      durationSec,
      dataOffset: data.offset,
      dataBytes,
      missingBytes: data.missing,
    }
  }

  streamed(): StreamedWav | undefined {
    const { data, riffSize: riff, is64, format } = this
    if (!this.isDone || data === undefined) return undefined
    const sizes = { data: data.length, riff, offset: data.offset, is64 }
    const isUnknown = data.isStreamed || isUnknownSize(sizes, 0, format)
    return {
      header: this.formatFault instanceof MediaError ? this.formatFault : this.header(),
      dataOffset: data.offset,
      dataBytes: isUnknown ? Infinity : data.length,
    }
  }

  private enter(bytes: Uint8Array): void {
    if (this.size === 0) throw damaged('is empty')
    if (this.size < 12) throw damaged(`not a WAV file: it has only ${this.size} bytes`)
    const id = uint32(bytes, 0)
    if (id !== RIFF && id !== RF64 && id !== BW64 && id !== RIFX) {
      throw damaged(`not a WAV file: it begins with ${textOf(bytes, 0)} instead of "RIFF"`)
    }
    if (uint32(bytes, 8) !== WAVE)
      throw damaged(`not a WAV file but a RIFF file of ${textOf(bytes, 8)}`)
    this.isBigEndian = id === RIFX
    this.is64 = id === RF64 || id === BW64
    this.riffSize = this.number(bytes, 4)
    this.at = 12
  }

  private take(bytes: Uint8Array, here: number): void {
    const id = uint32(bytes, here)
    const length = this.number(bytes, here + 4)
    const body = this.at + 8
    if (id === FMT)
      this.takeFormat(bytes.subarray(here + 8, here + 8 + Math.min(length, this.size - body)))
    else if (id === DS64) this.takeDs64(bytes, here + 8, length)
    else if (id === DATA) this.data = this.dataOf(body, length, bytes, here + 8)
    const end = id === DATA ? body + this.data!.length : body + length
    if (end > this.size) {
      throw damaged(
        `truncated: its chunk ${textOf(bytes, here)} has ${length} bytes, of which ${this.size - body} are there`,
      )
    }
    this.chunks++
    if (this.chunks > MAX_CHUNKS) throw damaged(`more than ${MAX_CHUNKS} chunks`)
    // Chunks are padded to an even length.
    this.at = Math.min(end + ((end - body) % 2), this.size)
    this.isDone =
      (this.format !== undefined || this.formatFault !== undefined) && this.data !== undefined
  }

  private takeFormat(body: Uint8Array): void {
    try {
      this.format = parseFmt(body, this.isBigEndian)
    } catch (error) {
      this.formatFault = error
    }
  }

  private takeDs64(bytes: Uint8Array, here: number, length: number): void {
    if (!this.is64) return
    if (length < DS64_BYTES || here + DS64_BYTES > bytes.byteLength)
      throw damaged("its 'ds64' chunk is too short")
    this.dataSize64 = uint32(bytes, here + 8) + uint32(bytes, here + 12) * 2 ** 32
  }

  private dataOf(offset: number, length: number, bytes: Uint8Array, here: number): DataChunk {
    const available = this.size - offset
    const isIn64 = this.is64 && (length === UNKNOWN || length === 0)
    const told = isIn64 ? this.dataSize64 : length
    const sizes = { data: told, riff: this.riffSize, offset, is64: this.is64 }
    if (
      isUnknownSize(sizes, available, this.format) &&
      !(told === 0 && this.isChunk(bytes, here, available))
    )
      return { offset, length: available, isStreamed: true, missing: 0 }
    const missing = Math.max(0, told - available)
    if (missing > 0 && this.isStrict)
      throw damaged(
        `truncated: ${told} bytes of samples, of which ${available} are there; \`strict: false\` takes those`,
      )
    return { offset, length: told - missing, isStreamed: false, missing }
  }

  /**
   * Whether another chunk follows samples of which there are said to be none: then there are none.
   */
  private isChunk(bytes: Uint8Array, here: number, available: number): boolean {
    if (available < 8 || here + 8 > bytes.byteLength) return false
    const isName = bytes.subarray(here, here + 4).every((code) => code >= 0x20 && code < 0x7f)
    return isName && this.number(bytes, here + 4) <= available - 8
  }

  /** In the byte order of the file. */
  private number(bytes: Uint8Array, at: number): number {
    return this.isBigEndian ? bigEndian32(bytes, at) : uint32(bytes, at)
  }
}

function fourCc(text: string): number {
  return uint32(Buffer.from(text, 'latin1'), 0)
}

/** Little-endian. */
function uint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  )
}

function bigEndian32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  )
}

function textOf(bytes: Uint8Array, at: number): string {
  return JSON.stringify(Buffer.from(bytes.subarray(at, at + 4)).toString('latin1'))
}

/** Whether a file that begins so is a WAV file. */
export function isWavHead(head: Uint8Array): boolean {
  return /^(RIFF|RF64|BW64|RIFX)....WAVE/s.test(
    Buffer.from(head.subarray(0, 12)).toString('latin1'),
  )
}
