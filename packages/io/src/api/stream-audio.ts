import type { AudioDType } from '../audio/audio-options.ts'
import { type AudioArray, audioArray } from '../audio/audio-results.ts'
import { type StreamAudioOptions, streamAudioTarget } from '../audio/stream-audio-options.ts'
import { fetchingOf } from '../files/url-options.ts'
import {
  checkStreamSource,
  describeStreamSource,
  type StreamSource,
} from '../streaming-input/live-source.ts'
import { readableForFFmpeg } from '../streaming-input/live-wav.ts'
import { audioOps } from './audio-ops.ts'
import { piecesOf } from './live-pieces.ts'

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
  checkStreamSource(source)
  const target = streamAudioTarget(options)
  const fetching = fetchingOf(options)
  const name = describeStreamSource(source)
  const ops = { file: audioOps.stream, live: audioOps.streamLive, prepare: readableForFFmpeg }
  return (async function* chunks() {
    for await (const chunk of piecesOf(source, target, ops, fetching)) {
      yield audioArray(chunk, target.audio, name) as AudioArray<D>
    }
  })()
}
