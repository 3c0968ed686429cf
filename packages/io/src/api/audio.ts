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
 * Loads the samples of a sound: WAV, FLAC, MP3, AAC, Opus, Vorbis and all other codecs of FFmpeg,
 * in any container, including the sound of a video. The bytes decide the format, not the name.
 * Priming and padding samples of lossy formats are cut off, as far as the file declares them.
 *
 * WAV files that need neither resampling nor mixing are read without FFmpeg: the stored samples
 * exactly, and for bytes in memory often as a view. Everything else is decoded in the package's
 * worker threads. Ops that already run in a worker thread call `loadAudioSync` instead.
 *
 * @returns by default float32 `[channels, samples]`, -1 to 1, with its `sampleRate` in samples per
 *   second
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: the source is empty, has no sound, is damaged or truncated
 * - `ERR_UNSUPPORTED`: this FFmpeg cannot decode or mix the sound, it is encrypted, or it is too
 *   large for memory
 * - `ERR_TOO_LARGE`: `maxDurationSec`, `maxSamples`, `maxResultBytes` or, for a URL, `maxBytes` is
 *   exceeded
 * - `ERR_BACKEND_MISSING`: `node-av` is needed and not installed
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule, or the window begins after the last
 *   sample
 * @throws the signal's reason if it is aborted
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
 * If the result is a view of the given bytes, they are not sent to another thread, which would copy
 * them.
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
 * Decodes sound chunk by chunk, as the caller pulls. A worker thread keeps the decoder open between
 * chunks and works two chunks ahead (more if the chunks together take less than 4 ms). It closes
 * the decoder when the loop is left. Memory does not grow with the length of the sound. Resampling
 * continues across chunks.
 *
 * A source may also be a Node or web stream of bytes, a pipe, or a URL that is still being written,
 * as in `streamVideo`.
 *
 * @returns an async generator of chunks, each as a result of `loadAudio`; all chunks together equal
 *   the result of `loadAudio`
 * @throws MediaError as `loadAudio`: for options at once, for damage after the samples before it
 * @throws the signal's reason if it is aborted
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
 * Encodes a sound in the package's worker threads.
 *
 * `audio` is `[channels, samples]` (`layout: 'CT'`, the default), `[samples, channels]` (`'TC'`) or
 * `[samples]`, as float32 or float64 (1 is full scale), int16, int32 or uint8 (silence at 128).
 * FLAC keeps int16 exactly, and the upper 24 bits of other dtypes. MP3, M4A, Opus and Ogg are
 * lossy.
 *
 * @returns the file's bytes
 * @throws MediaError `ERR_BAD_OPTION` if the array or an option breaks its rule,
 *   `ERR_BACKEND_MISSING` without `node-av`, which all formats except WAV need, `ERR_ENCODE` if the
 *   sound cannot be encoded, such as with a sample rate that the format lacks
 * @throws the signal's reason if it is aborted
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
 * Encodes a sound and writes it to a file. The extension decides the format, unless `format` is
 * set. The file appears whole or not at all, and replaces an existing file.
 *
 * @throws MediaError as `encodeAudio`; `ERR_WRITE` if the file cannot be written
 * @throws the signal's reason if it is aborted
 */
export async function saveAudio(
  path: string | URL,
  audio: AudioInput,
  options: SaveAudioOptions = {},
): Promise<void> {
  await runJob(audioOps.encode, saveAudioJob(path, audio, options), options.signal)
}
