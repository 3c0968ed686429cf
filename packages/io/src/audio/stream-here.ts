import type { SyncSource } from '../source.ts'
import { decodePieces } from './ffmpeg/decode-audio.ts'
import type { LoadedAudio } from './loaded.ts'
import { openFile } from './open-file.ts'
import type { StreamAudioTarget } from './stream-options.ts'

/** Sound of a file in this thread, chunk by chunk, each decoded when it is asked for. Throws errors that do not name the source. */
export function* streamAudioHere(
  source: SyncSource,
  { audio, samplesPerChunk }: StreamAudioTarget,
): Generator<LoadedAudio> {
  const file = openFile(source)
  try {
    yield* decodePieces(file, audio, samplesPerChunk)
  } finally {
    file.reader.close()
  }
}
