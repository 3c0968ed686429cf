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
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const loadOptions = mediaOptions('LoadWavOptions', {
  ...wavRules,
  signal: signal(),
  ...urlRules,
} satisfies Rules<LoadWavOptions>)

/**
 * Loads the samples of a WAV file from a path, URL, Blob or bytes. Of a file or Blob only the
 * header and the window are read: a second out of an hour costs a second, and `window: [0, 0]` the
 * header alone.
 *
 * @throws MediaError `ERR_READ` when the source cannot be read; otherwise as `parseWav`, which also
 *   says what becomes of the samples
 * @throws the signal's reason, when aborted
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

/** {@link loadWav} for worker ops: a path, `file:` URL or bytes, done when it returns. */
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
