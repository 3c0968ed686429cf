import { encodeAudioHere } from '../audio/encode-audio-in-thread.ts'
import {
  type AudioInput,
  audioEncoding,
  type EncodeAudioOptions,
  type SaveAudioOptions,
  savingOf,
} from '../audio/encode-audio-options.ts'
import { writeBytesSync } from '../files/atomic-file.ts'

/**
 * Encodes a sound in this thread, and holds it meanwhile: for ops that run in worker threads.
 * @throws MediaError as `encodeAudio`
 */
export function encodeAudioSync(audio: AudioInput, options: EncodeAudioOptions): Uint8Array {
  const encoding = audioEncoding(audio, options)
  options.signal?.throwIfAborted()
  return encodeAudioHere(encoding)
}

/**
 * Encodes a sound and writes it in this thread. What `saveAudio` does otherwise. @throws MediaError
 * as `saveAudio`
 */
export function saveAudioSync(
  path: string | URL,
  audio: AudioInput,
  options: SaveAudioOptions = {},
): void {
  const saving = savingOf(path, options)
  writeBytesSync(saving.path, encodeAudioSync(audio, saving.options))
}
