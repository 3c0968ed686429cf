import { withFile } from '../files/open-file.ts'
import { runSync } from '../files/routine.ts'
import type { SyncSource } from '../files/source.ts'
import type { AudioTarget } from './audio-options.ts'
import { audioFault, type LoadedAudio } from './audio-results.ts'
import { decodeAudio } from './ffmpeg/decode-audio.ts'
import { headerOf, readPlainWav } from './plain-wav.ts'

/**
 * Loads audio in this thread: plain WAV by the package's own parser, all else with FFmpeg. Throws
 * errors that do not name the source.
 */
export function loadAudioHere(source: SyncSource, target: AudioTarget): LoadedAudio {
  return withFile(source, (file) => {
    const { reader } = file
    const header = runSync(headerOf(reader.size, target), { reader })
    if (header === undefined) return decodeAudio({ file }, target)
    if ('problem' in header)
      return decodeAudio({ file, faults: [audioFault(header.problem, 0)] }, target)
    return (
      runSync(readPlainWav(header, target), { reader }) ?? decodeAudio({ file, header }, target)
    )
  })
}
