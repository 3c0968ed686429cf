import { openFile, type StreamInput, withFile } from '../files/open-file.ts'
import { runSync } from '../files/routine.ts'
import type { SyncSource } from '../files/source.ts'
import type { AudioTarget } from './audio-options.ts'
import { type AudioResult, audioFault } from './audio-results.ts'
import { decodeAudio, decodePieces } from './ffmpeg/decode-audio.ts'
import { headerOf, readPlainWav } from './plain-wav.ts'
import type { StreamAudioTarget } from './stream-audio-options.ts'

/** What a thread is told besides where the sound is. */
export interface AudioTask<T = AudioTarget> {
  readonly target: T
}

/**
 * Loads audio in this thread: plain WAV by the package's own parser, all else with FFmpeg. Throws
 * errors that do not name the source.
 */
export function loadAudioInThread({
  source,
  target,
}: AudioTask & { readonly source: SyncSource }): AudioResult {
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

/**
 * Sound of a file, or of what FFmpeg reads from a URL, in this thread: chunk by chunk, each decoded
 * when it is asked for. Throws errors that do not name the source.
 */
export function* streamAudioInThread({
  target: { audio, samplesPerChunk },
  ...from
}: AudioTask<StreamAudioTarget> &
  ({ readonly source: SyncSource } | StreamInput)): Generator<AudioResult> {
  if ('url' in from) return yield* decodePieces({ file: from }, audio, samplesPerChunk)
  const file = openFile(from.source)
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
