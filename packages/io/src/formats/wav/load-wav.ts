import { type Rules, signal } from 'spindle/options'
import { mediaOptions } from '../../base/options.ts'
import { readWith, readWithSync } from '../../files/read-with.ts'
import { checkSource, type MediaSource } from '../../files/source.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
import {
  type AnyWavAudio,
  checkWavOptions,
  type ParseWavOptions,
  readWav,
  type WavAudio,
  wavRules,
} from './parse-wav.ts'

/** Options of `loadWav`. */
export interface LoadWavOptions extends ParseWavOptions, UrlOptions {
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const loadOptions = mediaOptions('LoadWavOptions', {
  ...wavRules,
  signal: signal(),
  ...urlRules,
} satisfies Rules<LoadWavOptions>)

/**
 * Loads the samples of a WAV file from a path, URL, Blob or bytes. From a file or Blob, only the
 * header and the window are read: one second of an hour costs one second, and `window: [0, 0]`
 * costs only the header.
 *
 * @throws MediaError `ERR_READ` if the source cannot be read; otherwise as `parseWav`, which also
 *   describes the dtypes
 * @throws the signal's reason if it is aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadWav, saveWav } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/tone-${process.pid}.wav`
 * const tone = Float32Array.from({ length: 16000 }, (_, i) => Math.sin((i * 2 * Math.PI * 440) / 16000))
 * await saveWav(path, { data: tone, dtype: 'float32', shape: [16000, 1] }, { sampleRate: 16000, encoding: 'pcm16' })
 * const audio = await loadWav(path, { window: [0.5, 0.75], layout: 'CT', dtype: 'float32' })
 * assert.deepEqual(audio.shape, [1, 4000])
 * ```
 */
export function loadWav(
  source: MediaSource,
  options: LoadWavOptions & { readonly dtype: 'float32' },
): Promise<WavAudio<'float32'>>
export function loadWav(source: MediaSource, options?: LoadWavOptions): Promise<AnyWavAudio>
export async function loadWav(
  source: MediaSource,
  options: LoadWavOptions = {},
): Promise<AnyWavAudio> {
  checkSource(source, 'source')
  const limits = checkWavOptions(options, loadOptions)
  return readWith(source, options, ({ size }) => readWav(size, options, limits))
}

/** The synchronous form of {@link loadWav}, for worker ops: from a path, `file:` URL or bytes. */
export function loadWavSync(
  source: MediaSource,
  options: ParseWavOptions & { readonly dtype: 'float32' },
): WavAudio<'float32'>
export function loadWavSync(source: MediaSource, options?: ParseWavOptions): AnyWavAudio
export function loadWavSync(source: MediaSource, options: ParseWavOptions = {}): AnyWavAudio {
  checkSource(source, 'source')
  const limits = checkWavOptions(options)
  return readWithSync(source, ({ size }) => readWav(size, options, limits))
}
