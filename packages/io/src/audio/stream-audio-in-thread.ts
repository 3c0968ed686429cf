import { openFile } from '../files/open-file.ts'
import { runSync } from '../files/routine.ts'
import type { SyncSource } from '../files/source.ts'
import { audioFault, type LoadedAudio } from './audio-results.ts'
import { decodePieces } from './ffmpeg/decode-audio.ts'
import { headerOf } from './plain-wav.ts'
import type { StreamAudioTarget } from './stream-audio-options.ts'

/**
 * Sound of a file in this thread, chunk by chunk, each decoded when it is asked for. Throws errors
 * that do not name the source.
 */
export function* streamAudioHere(
  source: SyncSource,
  { audio, samplesPerChunk }: StreamAudioTarget,
): Generator<LoadedAudio> {
  const file = openFile(source)
  try {
    const { reader } = file
    const header = runSync(headerOf(reader.size, audio), { reader })
    const input =
      header === undefined
        ? { file }
        : 'problem' in header
          ? { file, faults: [audioFault(header.problem, 0)] }
          : { file, header }
    yield* decodePieces(input, audio, samplesPerChunk)
  } finally {
    file.reader.close()
  }
}
