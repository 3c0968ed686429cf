import { Container } from '../../ffmpeg/container.ts'
import { type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import type { OpenFile, StreamInput } from '../../files/open-file.ts'
import type { WavHeader } from '../../formats/wav/wav-header.ts'
import type { AudioTarget } from '../audio-options.ts'
import type { AudioFault, AudioResult } from '../audio-results.ts'
import { ContainerPass } from './container-pass.ts'
import { type Pass, piecesOf, wholeOf } from './pass.ts'
import { WavPass } from './wav-pass.ts'

/** What is to be decoded, and what is known of it. */
export interface AudioInput {
  readonly file: OpenFile | StreamInput
  /** Where it is a WAV file whose samples this package reads itself. */
  readonly header?: WavHeader | undefined
  /** What is known to be wrong with the file already. */
  readonly faults?: readonly AudioFault[]
}

/**
 * Decodes the audio of a file with FFmpeg, in this thread. Throws FFmpeg's own error or a
 * `MediaError`, neither of which name the source.
 */
export function decodeAudio(input: AudioInput, target: AudioTarget): AudioResult {
  const ffmpeg = loadFFmpeg()
  const pass = (maySeek: boolean): AudioResult | undefined => {
    const { pass, close } = open(ffmpeg, input, target, maySeek, Infinity)
    try {
      return wholeOf(pass, target)
    } finally {
      close()
    }
  }
  return pass(true) ?? pass(false)!
}

/**
 * The same piece by piece, `samples` a channel each, the last with what is left; before damage is
 * thrown, what came before it is given. Pieces are made as they are asked for.
 */
export function* decodePieces(
  input: AudioInput,
  target: AudioTarget,
  samples: number,
): Generator<AudioResult> {
  const ffmpeg = loadFFmpeg()
  for (const maySeek of 'url' in input.file ? [false] : [true, false]) {
    const { pass, close } = open(ffmpeg, input, target, maySeek, samples)
    try {
      const isDone = yield* piecesOf(pass, target, samples)
      if (isDone) return
    } finally {
      close()
    }
  }
}

function open(
  ffmpeg: FFmpeg,
  { file, header, faults = [] }: AudioInput,
  target: AudioTarget,
  maySeek: boolean,
  samplesPerPiece: number,
): { readonly pass: Pass; close(): void } {
  if (header !== undefined && !('url' in file) && (target.stream ?? 0) === 0) {
    const pass = new WavPass(ffmpeg, header, file.reader, target, samplesPerPiece)
    return { pass, close: () => pass.free() }
  }
  const container = new Container(ffmpeg, file, { wanted: target.stream })
  try {
    const reader = 'url' in file ? undefined : file.reader
    const pass = new ContainerPass(ffmpeg, container, target, {
      ...{ faults: [...faults], reader, maySeek, samplesPerPiece },
    })
    return {
      pass,
      close: () => {
        pass.free()
        container.close()
      },
    }
  } catch (error) {
    container.close()
    throw error
  }
}
