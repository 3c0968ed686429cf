import { shownByHeader } from '../../ffmpeg/containers/edits.ts'
import type { Mp4 } from '../../ffmpeg/containers/mp4.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { OpenFile } from '../../files/open-file.ts'
import { plainTarget } from '../video-options.ts'
import { VideoPass } from './video-pass.ts'

/** Bytes of a file that is read to count frames: where edits hide some, packets tell which. */
const MOST_READ = 2 ** 30

/**
 * How many frames of a stream of an MP4 file are shown: by its header, or where edits hide some, by
 * its packets, which are read and not decoded. `undefined` where neither tells.
 */
export function countFrames(
  ffmpeg: FFmpeg,
  file: OpenFile,
  mp4: Mp4,
  id: number,
): number | undefined {
  const track = mp4.tracks.find((one) => one.id === id && one.kind === 'vide')
  if (track === undefined) return undefined
  const told = shownByHeader(track, mp4.isFragmented)
  if (told !== undefined || file.reader.size > MOST_READ) return told
  try {
    const target = plainTarget({ strict: false, maxPixels: Infinity })
    const pass = new VideoPass(ffmpeg, file, target)
    try {
      return pass.count()
    } finally {
      pass.free()
    }
  } catch {
    return undefined // what it is has been told; what is wrong with it is told by who loads it
  }
}
