import { bytesOf } from '../../base/dtypes.ts'
import type { SyncReader } from '../../files/routine.ts'

/** An edit of a track (ISO/IEC 14496-12, 8.6.6). */
export interface Mp4Edit {
  /** Duration in ticks of the movie; 0 for the rest of the track. */
  readonly duration: number
  /** First tick of the track; -1 for a gap. */
  readonly mediaTime: number
  /** Speed; 1 is normal. */
  readonly rate: number
}

/** The boxes of a track. */
export interface Mp4Track {
  readonly id: number
  /** `'vide'`, `'soun'`, … */
  readonly kind: string
  readonly edits: readonly Mp4Edit[]
  /** Ticks per second of the whole file. */
  readonly movieScale: number
  /** Ticks per second of the track. */
  readonly mediaScale: number
  /** Duration in ticks of the track. */
  readonly mediaDuration: number
  /** Delay between decoding and presentation of the first sample, in ticks of the track. */
  readonly firstOffset: number
  /** Number of samples, including those of fragments. */
  readonly sampleCount: number
  /** Whether samples need no index entries: PCM. */
  readonly isPcm: boolean
}

/** Data of the boxes of an MP4, MOV or HEIF file that FFmpeg does not report. */
export interface Mp4 {
  readonly tracks: readonly Mp4Track[]
  readonly isFragmented: boolean
  /** The picture that the file shows, if it is a HEIF file. */
  readonly picture: HeifPicture | undefined
}

/** A still picture in a file (ISO/IEC 23008-12). */
export interface HeifPicture {
  readonly format: 'HEIC' | 'AVIF' | 'HEIF'
  /** The type of its item: `'hvc1'`, `'av01'`, or `'grid'` if it consists of tiles. */
  readonly item: string
}

/**
 * Largest number of boxes that are read, because a hostile file may have many. A fragment has about
 * eight.
 */
const MOST_BOXES = 200_000
/** Number of bytes that are read at a time. */
const BLOCK_BYTES = 8192
/** Largest number of edits that are read of a track. */
const MOST_EDITS = 100

interface Box {
  readonly type: string
  /** Range of its contents. */
  readonly start: number
  readonly end: number
}

type Numbers = { -readonly [K in keyof Mp4Track]: Mp4Track[K] }

/** The picture that a HEIF file shows; `undefined` for other files. */
export function readPicture(reader: SyncReader): HeifPicture | undefined {
  const head = ascii(reader.read(0, Math.min(64, reader.size)))
  return /^....ftyp(?:.{4})+?(?:mif|msf|hei|hev|avi)/s.test(head)
    ? readMp4(reader)?.picture
    : undefined
}

/**
 * Reads the boxes of a file: their headers, and some bytes of a few. `undefined` if the file is in
 * another format, or damaged before its index.
 *
 * @param isCounting whether fragments after the index are read, for the number of samples
 */
export function readMp4(reader: SyncReader, isCounting = false): Mp4 | undefined {
  if (reader.size < 12 || !hasMp4Start(reader.read(0, 8))) return undefined
  const scan = new Scan(reader)
  try {
    scan.run(isCounting)
  } catch {
    if (scan.tracks.length === 0 && scan.picture === undefined) return undefined
  }
  const { tracks, isFragmented, picture } = scan
  return { tracks, isFragmented, picture: tracks.length === 0 ? picture : undefined }
}

/** Whether the first eight bytes are the beginning of such a file. */
export function hasMp4Start(head: Uint8Array): boolean {
  return TOP.has(ascii(head.subarray(4, 8)))
}

/** Types of boxes that such a file may begin with, or that are read alone. */
const TOP: ReadonlySet<string> = new Set(
  'ftyp styp moov moof meta mdat free skip wide pnot uuid junk pict sidx emsg prfl udta'.split(' '),
)

class Scan {
  readonly tracks: Numbers[] = []
  isFragmented = false
  picture: HeifPicture | undefined
  readonly #reader: SyncReader
  #seen = 0
  #block: Buffer = Buffer.alloc(0)
  #blockAt = 0
  #movieScale = 1

  constructor(reader: SyncReader) {
    this.#reader = reader
  }

  run(isCounting: boolean): void {
    for (const box of this.#boxes(0, this.#reader.size)) {
      if (box.type === 'moov') {
        this.#movie(box)
        if (!isCounting) return
      }
      if (box.type === 'moof') this.#fragment(box)
      else if (box.type === 'meta') this.#pictures(box)
    }
  }

  #movie({ start, end }: Box): void {
    for (const box of this.#boxes(start, end)) {
      if (box.type === 'mvhd') this.#movieScale = this.#headerOf(box).scale
      else if (box.type === 'mvex') this.isFragmented = true
      else if (box.type === 'trak') this.#track(box)
    }
  }

  #track({ start, end }: Box): void {
    const track = this.#newTrack()
    this.tracks.push(track)
    this.#contents(start, end, track)
  }

  #newTrack(): Numbers {
    return {
      ...{
        id: 0,
        kind: '',
        edits: [],
        movieScale: this.#movieScale,
        mediaScale: 1,
        mediaDuration: 0,
      },
      ...{ firstOffset: 0, sampleCount: 0, isPcm: false },
    }
  }

  #contents(start: number, end: number, track: Numbers): void {
    for (const box of this.#boxes(start, end)) {
      if (INNER.has(box.type)) this.#contents(box.start, box.end, track)
      else if (box.type === 'tkhd') track.id = this.#headerOf(box).id
      else if (box.type === 'elst') track.edits = this.#edits(box)
      else if (box.type === 'mdhd') {
        const { scale, duration } = this.#headerOf(box)
        track.mediaScale = scale
        track.mediaDuration = duration
      } else if (box.type === 'hdlr' && track.kind === '') track.kind = ascii(this.#read(box, 8, 4))
      else if (box.type === 'ctts' && this.#read(box, 4, 4).readUInt32BE(0) > 0)
        track.firstOffset = this.#read(box, 12, 4).readInt32BE(0)
      else if (box.type === 'stsz' || box.type === 'stz2')
        track.sampleCount += this.#read(box, 8, 4).readUInt32BE(0)
      else if (box.type === 'stts') {
        track.isPcm =
          this.#read(box, 4, 4).readUInt32BE(0) === 1 &&
          this.#read(box, 12, 4).readUInt32BE(0) === 1
      }
    }
  }

  /** Reads the common beginning of `mvhd`, `mdhd` and `tkhd`. */
  #headerOf(box: Box): { readonly scale: number; readonly id: number; readonly duration: number } {
    const isLong = this.#read(box, 0, 1)[0] === 1
    const value = this.#read(box, isLong ? 20 : 12, 4).readUInt32BE(0)
    const duration = isLong ? u64(this.#read(box, 24, 8)) : this.#read(box, 16, 4).readUInt32BE(0)
    return { scale: Math.max(1, value), id: value, duration }
  }

  #edits(box: Box): Mp4Edit[] {
    const isLong = this.#read(box, 0, 1)[0] === 1
    const step = isLong ? 20 : 12
    const count = Math.min(
      this.#read(box, 4, 4).readUInt32BE(0),
      MOST_EDITS,
      Math.floor((box.end - box.start - 8) / step),
    )
    return Array.from({ length: count }, (_, i) => {
      const edit = this.#read(box, 8 + i * step, step)
      return isLong
        ? {
            duration: u64(edit),
            mediaTime: edit.readInt32BE(8) * 2 ** 32 + edit.readUInt32BE(12),
            rate: edit.readUInt32BE(16) / 65_536,
          }
        : {
            duration: edit.readUInt32BE(0),
            mediaTime: edit.readInt32BE(4),
            rate: edit.readUInt32BE(8) / 65_536,
          }
    })
  }

  #fragment({ start, end }: Box): void {
    this.isFragmented = true
    for (const traf of this.#boxes(start, end)) {
      if (traf.type !== 'traf') continue
      let track: Numbers | undefined
      for (const box of this.#boxes(traf.start, traf.end)) {
        if (box.type === 'tfhd') {
          const id = this.#read(box, 4, 4).readUInt32BE(0)
          // A lone fragment of a stream has no tracks beside it.
          if (this.tracks.length === 0) this.tracks.push(this.#newTrack())
          track = this.tracks.find((one) => one.id === id || one.id === 0)
        } else if (box.type === 'trun' && track !== undefined) {
          track.sampleCount += this.#read(box, 4, 4).readUInt32BE(0)
        }
      }
    }
  }

  /** The primary item of the file (ISO/IEC 23008-12). */
  #pictures({ start, end }: Box): void {
    let primary = -1
    const types = new Map<number, string>()
    for (const box of this.#boxes(start + 4, end)) {
      if (box.type === 'pitm') {
        const isLong = this.#read(box, 0, 1)[0] !== 0
        primary = isLong
          ? this.#read(box, 4, 4).readUInt32BE(0)
          : this.#read(box, 4, 2).readUInt16BE(0)
      } else if (box.type === 'iinf') {
        const isLong = this.#read(box, 0, 1)[0] !== 0
        for (const item of this.#boxes(box.start + (isLong ? 8 : 6), box.end)) {
          if (item.type !== 'infe') continue
          const version = this.#read(item, 0, 1)[0]!
          if (version < 2) continue
          const id =
            version === 2
              ? this.#read(item, 4, 2).readUInt16BE(0)
              : this.#read(item, 4, 4).readUInt32BE(0)
          types.set(id, ascii(this.#read(item, version === 2 ? 8 : 10, 4)))
        }
      }
    }
    const item = types.get(primary) ?? types.values().next().value
    if (item === undefined) return
    const codecs = new Set(types.values())
    this.picture ??= {
      item,
      format: codecs.has('hvc1') ? 'HEIC' : codecs.has('av01') ? 'AVIF' : 'HEIF',
    }
  }

  *#boxes(start: number, end: number): Generator<Box> {
    for (let at = start; at + 8 <= end; ) {
      if (++this.#seen > MOST_BOXES) throw new Error('too many boxes')
      const head = this.#bytes(at, Math.min(16, end - at))
      const type = ascii(head.subarray(4, 8))
      const short = head.readUInt32BE(0)
      const [size, skip] = short === 1 && head.length === 16 ? [u64(head, 8), 16] : [short, 8]
      const stop = size === 0 ? end : at + size
      if (stop < at + skip) return
      yield { type, start: at + skip, end: Math.min(stop, end) }
      at = stop
    }
  }

  #read(box: Box, offset: number, length: number): Buffer {
    if (box.start + offset + length > box.end) throw new Error('a box is too short')
    return this.#bytes(box.start + offset, length)
  }

  /** Most boxes of an index are small and adjacent. */
  #bytes(at: number, length: number): Buffer {
    const end = this.#blockAt + this.#block.length
    if (at < this.#blockAt || at + length > end) {
      this.#blockAt = at
      const most = Math.min(Math.max(length, BLOCK_BYTES), this.#reader.size - at)
      this.#block = Buffer.from(this.#reader.read(at, most)) // a copy
    }
    return this.#block.subarray(at - this.#blockAt, at - this.#blockAt + length)
  }
}

/** Boxes of a track whose contents are boxes. */
const INNER: ReadonlySet<string> = new Set(['edts', 'mdia', 'minf', 'stbl'])

function ascii(bytes: Uint8Array): string {
  return bytesOf(bytes).toString('latin1')
}

function u64(bytes: Buffer, at = 0): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
