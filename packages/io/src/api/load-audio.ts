import { currentCall } from 'spindle'
import {
  type AudioDType,
  type AudioTarget,
  audioTarget,
  type LoadAudioOptions,
} from '../audio/audio-options.ts'
import { type AudioArray, audioArray, type LoadedAudio } from '../audio/audio-results.ts'
import { headerOf, readPlainWav } from '../audio/plain-wav.ts'
import { errorOf, withSource } from '../base/errors.ts'
import { MemoryReader } from '../files/reader.ts'
import { run } from '../files/routine.ts'
import { checkSource, describeSource, localSource, type MediaSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { fetchingOf } from '../files/url-options.ts'
import { audioOps } from './audio-ops.ts'
import { runInPool } from './pool.ts'

/**
 * Loads the samples of a sound: WAV, FLAC, MP3, AAC, Opus, Vorbis and what else FFmpeg knows, in
 * any container, the sound of a video too. What a file is, its bytes say, not its name. Priming and
 * padding samples, which lossy formats have, are cut off as the file tells them.
 *
 * WAV files that need neither resampling nor mixing are read without FFmpeg: bit by bit what is
 * stored, of bytes in memory often a view of them. All else is decoded in the package's worker
 * threads, which the call waits for; in an op that runs in a worker thread already, `loadAudioSync`
 * is the one to call.
 *
 * @returns by default float32, `[channels, samples]`, -1 to 1, with its `sampleRate`
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: it is empty, has no sound in it, is damaged or truncated
 * - `ERR_UNSUPPORTED`: a kind of sound that this FFmpeg cannot decode or mix, one that is
 *   encrypted, or one too large for memory
 * - `ERR_TOO_LARGE`: more than `maxDurationSec`, `maxSamples`, `maxResultBytes` or, of a URL,
 *   `maxBytes` allow
 * - `ERR_BACKEND_MISSING`: `node-av` is needed, and not installed
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule, or the window begins behind the last
 *   sample
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeAudio, loadAudio } from '@spindle/io'
 *
 * const tone = Float32Array.from({ length: 44100 }, (_, i) => Math.sin((i * 2 * Math.PI * 440) / 44100) / 2)
 * const mp3 = await encodeAudio({ data: tone, dtype: 'float32', shape: [1, 44100] }, { sampleRate: 44100, format: 'mp3' })
 * const audio = await loadAudio(mp3, { window: [0.25, 0.75], sampleRate: 16000 })
 * assert.deepEqual([audio.dtype, ...audio.shape], ['float32', 1, 8000])
 * ```
 */
export async function loadAudio<D extends AudioDType = 'float32'>(
  source: MediaSource,
  options: LoadAudioOptions & { readonly dtype?: D } = {},
): Promise<AudioArray<D>> {
  const caller = currentCall()
  checkSource(source, 'source')
  const target = audioTarget(options)
  const { signal } = options
  signal?.throwIfAborted()
  const name = describeSource(source)
  const local = localSource(source) ?? (await readSource(source, fetchingOf(options)))
  const loaded =
    (typeof local === 'string' ? undefined : await plainWav(local, target, name, signal)) ??
    (await runInPool(audioOps.load, { source: local, target }, signal, caller))
  if ('problem' in loaded) throw errorOf(loaded, name)
  return audioArray(loaded, target, name) as AudioArray<D>
}

/**
 * Bytes are not handed to another thread, which would copy them, where a view of them is what is
 * asked for.
 */
async function plainWav(
  bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer,
  target: AudioTarget,
  name: string,
  signal: AbortSignal | undefined,
): Promise<LoadedAudio | undefined> {
  const reader = new MemoryReader(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes))
  try {
    const header = await run(headerOf(reader.size, target), { reader }, signal)
    if (header === undefined || 'problem' in header) return undefined
    return await run(readPlainWav(header, target), { reader }, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw withSource(error, name)
  }
}
