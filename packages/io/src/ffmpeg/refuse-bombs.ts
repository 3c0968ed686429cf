import { bytesOf } from '../base/dtypes.ts'
import { MediaError } from '../base/errors.ts'
import type { SyncReader } from '../files/routine.ts'
import { hasMp4Start, readMp4 } from './containers/mp4.ts'

/** Number of samples for which FFmpeg's index takes 24 MiB. */
const FEW_SAMPLES = 1 << 20
/** Largest decompressed index, in bytes: that of a film is a tenth. */
const MOST_UNPACKED = 1 << 26
/** Largest number of top-level boxes, and of bytes of one, that are searched. */
const MOST_BOXES = 200_000
const MOST_BYTES = 1 << 26
const BLOCK_BYTES = 1 << 18

/**
 * Refuses files that would cost FFmpeg gigabytes and minutes as soon as it opens them: an MP4 of 40
 * KB that announces 80 million samples takes 2.9 GB. A sample takes at least a byte.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function refuseBombs(reader: SyncReader): void {
  if (reader.size >= 16 && hasMp4Start(reader.read(0, 8))) refuseBombsInBoxes(reader)
}

/**
 * The same for boxes of a stream.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function refuseBombsInBoxes(reader: SyncReader): void {
  const { samples, unpackedBytes } = announced(reader)
  if (samples > FEW_SAMPLES && samples > reader.size) {
    // PCM samples need no index entries.
    const tracks = readMp4(reader)?.tracks ?? []
    const pcm = tracks.reduce((sum, { sampleCount, isPcm }) => sum + (isPcm ? sampleCount : 0), 0)
    if (samples - pcm > Math.max(FEW_SAMPLES, reader.size))
      throw new MediaError(
        'ERR_DECODE',
        `damaged: it announces ${samples} samples in ${reader.size} bytes`,
      )
  }
  if (unpackedBytes > MOST_UNPACKED)
    throw new MediaError('ERR_DECODE', `damaged: it announces an index of ${unpackedBytes} bytes`)
}

interface Announced {
  /** Number of samples in all tables. */
  samples: number
  /** Size of a compressed index, in bytes. */
  unpackedBytes: number
}

/**
 * The sizes that all boxes announce, except those of the samples themselves: FFmpeg accepts a table
 * in any box.
 */
function announced(reader: SyncReader): Announced {
  const sum: Announced = { samples: 0, unpackedBytes: 0 }
  let at = 0
  for (let seen = 0; at + 16 <= reader.size && seen < MOST_BOXES; seen++) {
    const head = Buffer.from(reader.read(at, 16))
    const [short, type] = [head.readUInt32BE(0), head.toString('latin1', 4, 8)]
    const told = short === 1 ? Number(head.readBigUInt64BE(8)) : short
    const size = Math.min(told < 8 ? reader.size - at : told, reader.size - at)
    if (type !== 'mdat' && size > MIN_TABLE && size <= MOST_BYTES)
      addTables(reader, at, at + size, sum)
    at += size
  }
  return sum
}

function addTables(reader: SyncReader, start: number, end: number, sum: Announced): void {
  // Blocks overlap by the bytes that are read after a name.
  for (let at = start; at < end; at += BLOCK_BYTES - TABLE_BYTES) {
    const bytes = bytesOf(reader.read(at, Math.min(BLOCK_BYTES, end - at)))
    for (const [name, place] of TABLES) {
      for (let i = bytes.indexOf(name); i >= 0; i = bytes.indexOf(name, i + 4)) {
        if (i >= BLOCK_BYTES - TABLE_BYTES || i + place + 4 > bytes.length) continue
        const value = bytes.readUInt32BE(i + place)
        if (name === CMVD) sum.unpackedBytes = Math.max(sum.unpackedBytes, value)
        else sum.samples += value
      }
    }
  }
}

const CMVD = Buffer.from('cmvd')
/** Names of tables, and the offset after them of the number that matters. */
const TABLES: readonly (readonly [name: Buffer, place: number])[] = [
  [Buffer.from('stsz'), 12],
  [Buffer.from('stz2'), 12],
  [Buffer.from('trun'), 8],
  [CMVD, 4],
]
const TABLE_BYTES = 16
/** Size of the smallest box with a table, in bytes. */
const MIN_TABLE = 20
