import { MediaError } from '../errors.ts'
import type { SyncReader } from '../file/routine.ts'
import { type Mp4, readMp4 } from './mp4.ts'

/** Samples for which FFmpeg's index takes 24 MiB. */
const FEW_SAMPLES = 1 << 20
/** Bytes of an index, unpacked: that of a film is a tenth. */
const MOST_UNPACKED = 1 << 26
/** Boxes on the first level, and bytes of one, that are looked through. */
const MOST_BOXES = 200_000
const MOST_BYTES = 1 << 26
const BLOCK_BYTES = 1 << 18

/**
 * Refuses files with which FFmpeg would take gigabytes and minutes as soon as it opens them: an MP4 of 40 KB that announces 80 million samples takes
 * 2.9 GB. A sample takes a byte at least.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function refuseBombs(reader: SyncReader): void {
  const mp4 = readMp4(reader)
  if (mp4 !== undefined) refuseAnnounced(reader, mp4)
}

/** The same for a single box of a stream. @throws MediaError `ERR_DECODE` */
export function refuseBombsInBox(reader: SyncReader): void {
  refuseAnnounced(reader, readMp4(reader))
}

function refuseAnnounced(reader: SyncReader, mp4: Mp4 | undefined): void {
  const { tracks, unpackedBytes } = mp4 ?? { tracks: [], unpackedBytes: 0 }
  // Samples of PCM need no entry each. The rest is counted wherever it is: FFmpeg takes a table in any box for one.
  const pcm = tracks.reduce((sum, { sampleCount, isPcm }) => sum + (isPcm ? sampleCount : 0), 0)
  const samples = announcedSamples(reader) - pcm
  if (samples > FEW_SAMPLES && samples > reader.size)
    throw new MediaError('ERR_DECODE', `damaged: it announces ${samples} samples in ${reader.size} bytes`)
  if (unpackedBytes > MOST_UNPACKED)
    throw new MediaError('ERR_DECODE', `damaged: it announces an index of ${unpackedBytes} bytes`)
}

/** What all tables of samples say together, in all boxes but those of the samples themselves. */
function announcedSamples(reader: SyncReader): number {
  let samples = 0
  let at = 0
  for (let seen = 0; at + 16 <= reader.size && seen < MOST_BOXES; seen++) {
    const head = Buffer.from(reader.read(at, 16))
    const [short, type] = [head.readUInt32BE(0), head.toString('latin1', 4, 8)]
    const told = short === 1 ? Number(head.readBigUInt64BE(8)) : short
    const size = Math.min(told < 8 ? reader.size - at : told, reader.size - at)
    if (type !== 'mdat' && size <= MOST_BYTES) samples += samplesIn(reader, at, at + size)
    at += size
  }
  return samples
}

function samplesIn(reader: SyncReader, start: number, end: number): number {
  let samples = 0
  // Blocks overlap by what is read behind a name.
  for (let at = start; at < end; at += BLOCK_BYTES - TABLE_BYTES) {
    const bytes = Buffer.from(reader.read(at, Math.min(BLOCK_BYTES, end - at)))
    for (const [name, place] of TABLES) {
      for (let i = bytes.indexOf(name); i >= 0; i = bytes.indexOf(name, i + 4)) {
        const isWhole = i + TABLE_BYTES <= bytes.length
        const isNew = i < BLOCK_BYTES - TABLE_BYTES
        if (isNew && (isWhole || i + place + 4 <= bytes.length)) samples += bytes.readUInt32BE(i + place)
      }
    }
  }
  return samples
}

/** Names of tables, and where behind them the number of samples is. */
const TABLES: readonly (readonly [name: Buffer, place: number])[] = [
  [Buffer.from('stsz'), 12],
  [Buffer.from('stz2'), 12],
  [Buffer.from('trun'), 8],
]
const TABLE_BYTES = 16
