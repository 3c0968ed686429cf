import type { AudioDType, LoadAudioOptions } from '../audio/audio-options.ts'
import type { AudioArray, AudioResult } from '../audio/audio-results.ts'
import {
  type AudioInput,
  type EncodeAudioOptions,
  encodeAudioJob,
  type SaveAudioOptions,
  saveAudioJob,
} from '../audio/encode-audio-options.ts'
import type { AudioTask } from '../audio/load-audio-in-thread.ts'
import { headerOf, readPlainWav } from '../audio/plain-wav.ts'
import type { StreamAudioOptions } from '../audio/stream-audio-options.ts'
import { withSource } from '../base/errors.ts'
import { MemoryReader } from '../files/reader.ts'
import { run } from '../files/routine.ts'
import { describeSource, type MediaSource } from '../files/source.ts'
import { readSource } from '../files/source-bytes.ts'
import { fetchingOf } from '../files/url-options.ts'
import type { StreamSource } from '../streaming-input/stream-source.ts'
import { readableForFFmpeg } from '../streaming-input/streamed-wav.ts'
import { audioLoading, audioStreaming } from './audio-functions.ts'
import { loadInPool, type PoolCall, runJob } from './in-pool.ts'
import { audioOps } from './ops.ts'
import { streamInPool } from './stream-in-pool.ts'

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
export function loadAudio<D extends AudioDType = 'float32'>(
  source: MediaSource,
  options: LoadAudioOptions & { readonly dtype?: D } = {},
): Promise<AudioArray<D>> {
  const loaded: unknown = loadInPool(audioLoading, audioOps.load, source, options, plainWav)
  return loaded as Promise<AudioArray<D>>
}

/**
 * Bytes are not handed to another thread, which would copy them, where a view of them is what is
 * asked for.
 */
async function plainWav(
  call: PoolCall<AudioTask, LoadAudioOptions>,
): Promise<AudioResult | undefined> {
  const { source, options, job } = call
  call.local ??= await readSource(source, fetchingOf(options))
  const bytes = call.local
  if (typeof bytes === 'string') return undefined
  const reader = new MemoryReader(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes))
  const { signal } = options
  try {
    const header = await run(headerOf(reader.size, job.target), { reader }, signal)
    if (header === undefined || 'problem' in header) return undefined
    return await run(readPlainWav(header, job.target), { reader }, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw withSource(error, describeSource(source))
  }
}

/**
 * Sound, chunk by chunk, as it is pulled: a worker thread keeps the decoder open between chunks, is
 * two chunks ahead (more only of chunks that take less than 4 ms together), and closes it when the
 * loop is left. Memory does not grow with the sound. Resampling goes on from chunk to chunk.
 *
 * A source may also be a stream of bytes, of Node or of the web, a pipe, or the URL of what is
 * being made, as for `streamVideo`.
 *
 * @returns an async generator of chunks, each as `loadAudio` gives it; one behind the other they
 *   are what `loadAudio` gives
 * @throws MediaError as `loadAudio`; what is wrong with options, at once; damage, after the samples
 *   before it were given
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeAudio, streamAudio } from '@spindle/io'
 *
 * const tone = Float32Array.from({ length: 44100 }, (_, i) => Math.sin((i * 2 * Math.PI * 440) / 44100) / 2)
 * const mp3 = await encodeAudio({ data: tone, dtype: 'float32', shape: [1, 44100] }, { sampleRate: 44100, format: 'mp3' })
 * let samples = 0
 * for await (const chunk of streamAudio(mp3, { samplesPerChunk: 10_000 })) samples += chunk.shape[1]!
 * assert.equal(samples, 44100)
 * ```
 */
export function streamAudio<D extends AudioDType = 'float32'>(
  source: StreamSource,
  options: StreamAudioOptions & { readonly dtype?: D } = {},
): AsyncGenerator<AudioArray<D>, void, undefined> {
  const ops = { file: audioOps.stream, stream: audioOps.streamBytes, prepare: readableForFFmpeg }
  const chunks: unknown = streamInPool(audioStreaming, ops, source, options)
  return chunks as AsyncGenerator<AudioArray<D>, void, undefined>
}

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
  return (await runJob(audioOps.encode, encodeAudioJob(audio, options), options.signal))!
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
  await runJob(audioOps.encode, saveAudioJob(path, audio, options), options.signal)
}
