import { Container } from '../../ffmpeg/container.ts'
import { type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import type { OpenFile, StreamInput } from '../../files/open-file.ts'
import type { WavHeader } from '../../formats/wav/wav-header.ts'
import type { AudioTarget } from '../audio-options.ts'
import type { AudioFault, AudioResult } from '../audio-results.ts'
import { ContainerPass } from './container-pass.ts'
import { type Pass, piecesOf, wholeOf } from './pass.ts'
import { WavPass } from './wav-pass.ts'

/** A sound to decode, and what is known about it. */
export interface AudioInput {
  readonly file: OpenFile | StreamInput
  /** The header, if it is a WAV file whose samples this package reads itself. */
  readonly header?: WavHeader | undefined
  /** Faults of the file that are already known. */
  readonly faults?: readonly AudioFault[]
}

/**
 * Decodes the audio of a file with FFmpeg, in this thread. Throws an error of FFmpeg or a
 * `MediaError`; neither names the source.
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
 * Decodes piece by piece, `samples` per channel in each, fewer in the last. Pieces are made on
 * request. Samples before damage are returned before the error is thrown.
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
