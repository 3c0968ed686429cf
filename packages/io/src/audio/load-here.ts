import { type OpenSyncReader, openReaderSync } from '../file/reader.ts'
import { runSync } from '../file/routine.ts'
import type { SyncSource } from '../source.ts'
import { withoutSource } from './ffmpeg/container.ts'
import { decodeAudio } from './ffmpeg/decode-audio.ts'
import { audioFault, type LoadedAudio } from './loaded.ts'
import type { AudioTarget } from './options.ts'
import { headerOf, readPlainWav } from './plain-wav.ts'

/** Loads audio in this thread: plain WAV by the package's own parser, all else with FFmpeg. Throws errors that do not name the source. */
export function loadAudioHere(source: SyncSource, target: AudioTarget): LoadedAudio {
  return withReader(source, (reader) => {
    const plain = runSync(readPlainWav(reader.size, target), { reader })
    if (plain !== undefined) return plain
    const header = target.isStrict ? undefined : runSync(headerOf(reader.size, target), { reader })
    const problem = header !== undefined && 'problem' in header ? header.problem : undefined
    return decodeAudio(reader, target, problem === undefined ? [] : [audioFault(problem, 0)])
  })
}

/** Opens a source, and closes it. Faults do not name it. */
export function withReader<T>(source: SyncSource, work: (reader: OpenSyncReader) => T): T {
  try {
    const reader = openReaderSync(source)
    try {
      return work(reader)
    } finally {
      reader.close()
    }
  } catch (error) {
    throw withoutSource(error)
  }
}
