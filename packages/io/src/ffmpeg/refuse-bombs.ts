import { MediaError } from '../errors.ts'
import type { SyncReader } from '../file/routine.ts'
import { readMp4 } from './mp4.ts'

/** Samples for which FFmpeg's index takes 24 MiB. */
const FEW_SAMPLES = 1 << 20
/** Bytes of an index, unpacked: that of a film is a tenth. */
const MOST_UNPACKED = 1 << 26

/**
 * Refuses files with which FFmpeg would take gigabytes and minutes as soon as it opens them: an MP4 of 40 KB that announces 80 million samples takes
 * 2.9 GB. A sample takes a byte at least.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function refuseBombs(reader: SyncReader): void {
  const mp4 = readMp4(reader, true)
  if (mp4 === undefined) return
  const samples = mp4.tracks.reduce((sum, { sampleCount, isPcm }) => sum + (isPcm ? 0 : sampleCount), 0)
  if (samples > FEW_SAMPLES && samples > reader.size)
    throw new MediaError('ERR_DECODE', `damaged: it announces ${samples} samples in ${reader.size} bytes`)
  if (mp4.unpackedBytes > MOST_UNPACKED)
    throw new MediaError('ERR_DECODE', `damaged: it announces an index of ${mp4.unpackedBytes} bytes`)
}
