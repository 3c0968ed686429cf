import { shownByHeader } from '../../ffmpeg/containers/edits.ts'
import type { Mp4 } from '../../ffmpeg/containers/mp4.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { OpenFile } from '../../files/open-file.ts'
import { plainTarget } from '../video-options.ts'
import { VideoPass } from './video-pass.ts'

/** Largest file that is read to count frames, in bytes: if edits hide some, packets tell which. */
const MOST_READ = 2 ** 30

/**
 * Number of frames of an MP4 stream that are shown: from its header, or if edits hide some, from
 * its packets, which are read but not decoded. `undefined` if neither tells.
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
    return undefined // the file is known; loading it reports its faults
  }
}
