import {
  type AudioInput,
  audioEncoding,
  type EncodeAudioOptions,
  type SaveAudioOptions,
  savingOf,
} from '../audio/encode-audio-options.ts'
import { MediaError } from '../base/errors.ts'
import { audioOps } from './audio-ops.ts'
import { runInPool } from './pool.ts'

/**
 * Encodes a sound, in the package's worker threads.
 *
 * `audio` is float32 or float64 (1 is full scale), int16, int32 or uint8 (silence at 128). FLAC
 * keeps int16 bit by bit, and of others the upper 24 bits; MP3, M4A, Opus and Ogg lose something.
 *
 * @returns the file's bytes
 * @throws MediaError `ERR_BAD_OPTION` for an array or option that breaks its rule,
 *   `ERR_BACKEND_MISSING` without `node-av`, which all but WAV need,
 * `ERR_ENCODE` where it cannot encode it: a sample rate that the format does not have, for one
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeAudio, loadAudio } from '@spindle/io'
 *
 * const ramp = { data: Int16Array.from({ length: 8000 }, (_, i) => i * 4), dtype: 'int16', shape: [1, 8000] } as const
 * const flac = await encodeAudio(ramp, { sampleRate: 16000, format: 'flac' })
 * assert.deepEqual((await loadAudio(flac, { dtype: 'int16' })).data, ramp.data)
 * ```
 */
export async function encodeAudio(
  audio: AudioInput,
  options: EncodeAudioOptions,
): Promise<Uint8Array> {
  const encoding = audioEncoding(audio, options)
  options.signal?.throwIfAborted()
  const encoded = await runInPool(audioOps.encode, { encoding, path: undefined }, options.signal)
  if (encoded !== undefined && 'problem' in encoded)
    throw new MediaError(encoded.code, encoded.problem)
  return encoded!
}

/**
 * Encodes a sound and writes it: the format follows from the name, unless it is given. The file is
 * there as a whole or not at all; one that was there before is replaced.
 *
 * @throws MediaError as `encodeAudio`, and `ERR_WRITE` when the file cannot be written
 * @throws the signal's reason, when aborted
 */
export async function saveAudio(
  path: string | URL,
  audio: AudioInput,
  options: SaveAudioOptions = {},
): Promise<void> {
  const saving = savingOf(path, options)
  const encoding = audioEncoding(audio, saving.options)
  options.signal?.throwIfAborted()
  const fault = await runInPool(audioOps.encode, { encoding, path: saving.path }, options.signal)
  if (fault !== undefined && 'problem' in fault) {
    throw new MediaError(
      fault.code,
      fault.problem,
      fault.code === 'ERR_WRITE' ? { source: saving.path } : {},
    )
  }
}
