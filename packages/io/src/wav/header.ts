import { MediaError } from '../errors.ts'
import type { Routine } from '../file/routine.ts'
import { FMT_BYTES, parseFmt, type WavFormat } from './fmt.ts'

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
}

/** The header of a WAV in memory. Faults do not name the source. @throws MediaError `ERR_DECODE` or `ERR_UNSUPPORTED` */
export function headerIn(bytes: Uint8Array): WavHeader {
  const walk = new ChunkWalk(bytes.byteLength)
  walk.through(bytes, 0)
  return walk.header()
}

/** The header of a WAV file of `size` bytes, in as few reads as it takes: one, unless long chunks stand in front of the samples. */
export function* readWavHeader(size: number): Routine<WavHeader> {
  const walk = new ChunkWalk(size)
  while (!walk.isDone) {
    const offset = walk.at
    walk.through(yield { kind: 'read', offset, length: Math.min(READ_BYTES, size - offset) }, offset)
  }
  return walk.header()
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
/** What programs write for a length that they do not know yet, when they cannot go back: FFmpeg and others, arecord, SoX. */
const STREAM_SIZES: ReadonlySet<number> = new Set([UNKNOWN, 0x80000000, 0x7fffffff, 0x7ffff000])
/** A file of more chunks before its samples is none that a program wrote. */
const MAX_CHUNKS = 10_000

/** Goes from chunk to chunk until format and samples are found, through whatever part of the file it is given. */
class ChunkWalk {
  /** The next byte that is needed. */
  at = 0
  isDone = false
  private readonly size: number
  private is64 = false
  private riffSize = 0
  private dataSize64 = 0
  private chunks = 0
  private format: WavFormat | undefined
  private data: { readonly offset: number; readonly length: number; readonly isStreamed: boolean } | undefined

  constructor(size: number) {
    this.size = size
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
    if (format === undefined) throw damaged("no 'fmt ' chunk")
    if (data === undefined) throw damaged("no 'data' chunk: it may be truncated")
    const rest = data.length % format.blockAlign
    if (rest !== 0 && !data.isStreamed) {
      throw damaged(
        `${data.length} bytes of samples, which is no multiple of ${format.blockAlign}, the bytes a frame`,
      )
    }
    const dataBytes = data.length - rest
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
      numSamples,
      durationSec,
      dataOffset: data.offset,
      dataBytes,
    }
  }

  private enter(bytes: Uint8Array): void {
    if (this.size === 0) throw damaged('is empty')
    if (this.size < 12) throw damaged(`not a WAV file: it has only ${this.size} bytes`)
    const id = uint32(bytes, 0)
    if (id === RIFX) throw new MediaError('ERR_UNSUPPORTED', 'a big-endian WAV file (RIFX)')
    if (id !== RIFF && id !== RF64 && id !== BW64) {
      throw damaged(`not a WAV file: it begins with ${textOf(bytes, 0)} instead of "RIFF"`)
    }
    if (uint32(bytes, 8) !== WAVE) throw damaged(`not a WAV file but a RIFF file of ${textOf(bytes, 8)}`)
    this.is64 = id !== RIFF
    this.riffSize = uint32(bytes, 4)
    this.at = 12
  }

  private take(bytes: Uint8Array, here: number): void {
    const id = uint32(bytes, here)
    const length = uint32(bytes, here + 4)
    const body = this.at + 8
    if (id === FMT)
      this.format = parseFmt(bytes.subarray(here + 8, here + 8 + Math.min(length, this.size - body)))
    else if (id === DS64) this.takeDs64(bytes, here + 8, length)
    else if (id === DATA) this.data = this.dataOf(body, length)
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
    this.isDone = this.format !== undefined && this.data !== undefined
  }

  private takeDs64(bytes: Uint8Array, here: number, length: number): void {
    if (!this.is64) return
    if (length < DS64_BYTES || here + DS64_BYTES > bytes.byteLength)
      throw damaged("its 'ds64' chunk is too short")
    this.dataSize64 = uint32(bytes, here + 8) + uint32(bytes, here + 12) * 2 ** 32
  }

  private dataOf(offset: number, length: number): NonNullable<ChunkWalk['data']> {
    const available = this.size - offset
    const told = this.is64 && length === UNKNOWN ? this.dataSize64 : length
    // A file whose size was never filled in says 0, and that it ends here.
    const isUnfinished = told === 0 && (this.riffSize + 8 <= offset || this.riffSize === UNKNOWN)
    const isStreamed = isUnfinished || (told > available && !this.is64 && STREAM_SIZES.has(told))
    if (isStreamed) return { offset, length: available, isStreamed }
    if (told > available)
      throw damaged(`truncated: ${told} bytes of samples, of which ${available} are there`)
    return { offset, length: told, isStreamed }
  }
}

function fourCc(text: string): number {
  return uint32(Buffer.from(text, 'latin1'), 0)
}

/** Little-endian. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

function textOf(bytes: Uint8Array, at: number): string {
  return JSON.stringify(Buffer.from(bytes.subarray(at, at + 4)).toString('latin1'))
}

function damaged(problem: string): MediaError {
  return new MediaError('ERR_DECODE', problem)
}
