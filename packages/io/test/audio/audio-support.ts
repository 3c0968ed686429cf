import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EncodedAudioFormat, NdArray } from '../../src/index.ts'
import { encodeAudioSync, saveWavSync } from '../../src/sync.ts'
import { numbers } from '../support.ts'
import { truthFile } from '../truth/truth.ts'

/** A folder of its own, to be removed by `remove`. */
export function scratch(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'spindle-audio-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export type Sweep = NdArray<'int16'> & { sampleRate: number }

/** Two channels of rising tones, the second with some noise: nothing in it repeats. */
export function sweep(seconds: number, sampleRate = 44100, noise = 600): Sweep {
  const random = numbers(3)
  const samples = Math.round(seconds * sampleRate)
  const data = new Int16Array(samples * 2)
  for (let i = 0; i < samples; i++) {
    const t = i / sampleRate
    data[i] = Math.round(12000 * Math.sin(2 * Math.PI * (200 + 150 * t) * t))
    data[samples + i] = Math.round(
      9000 * Math.sin(2 * Math.PI * (900 - 40 * t) * t) + random(noise) - noise / 2,
    )
  }
  return { data, dtype: 'int16', shape: [2, samples], sampleRate }
}

/** The same at 8 kHz and with less noise, so that it is short where nothing is lost. */
export function low(seconds: number): Sweep {
  return sweep(seconds, 8000, 20)
}

export const LOSSY: readonly EncodedAudioFormat[] = ['mp3', 'm4a', 'opus', 'ogg']
export const ENCODED: readonly EncodedAudioFormat[] = ['flac', ...LOSSY]

/** The sweep in every format that this package writes. */
export function encodedSweeps(seconds: number): Record<EncodedAudioFormat, Uint8Array> {
  const sound = sweep(seconds)
  const encode = (format: EncodedAudioFormat): Uint8Array => encodeAudioSync(sound, { format })
  return {
    ...{ wav: encode('wav'), flac: encode('flac'), mp3: encode('mp3') },
    ...{ m4a: encode('m4a'), opus: encode('opus'), ogg: encode('ogg') },
  }
}

/** Names of the files of `truth/files/audio` that are the sweep, in many containers and codecs. */
const SWEEPS = [
  ...[
    'sweep.mp3',
    'noxing.mp3',
    'sweep.m4a',
    'sweep.aac',
    'sweep.opus',
    'sweep.ogg',
    'sweep.mka',
    'sweep.webm',
  ],
  ...['sweep.m2t', 'sweep.flac', 'flac.ogg', 'sweep.aiff', 'adpcm.wav', 's24.flac', 'video.mp4'],
]

/**
 * The sweep as WAV in a folder, and in the files that the ffmpeg command has made of it: paths by
 * name.
 */
export function sweeps(folder: string, seconds: number): Record<string, string> {
  const [tones, slow] = [join(folder, 'tones.wav'), join(folder, 'low.wav')]
  saveWavSync(tones, { ...sweep(seconds), layout: 'CT' })
  saveWavSync(slow, { ...low(seconds), layout: 'CT' })
  const kept = SWEEPS.map((name) => [name, truthFile(`audio/${name}`)])
  return { 'tones.wav': tones, 'low.wav': slow, ...Object.fromEntries(kept) }
}

/** The largest difference between samples; Infinity where there is not the same number of them. */
export function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

/** One channel of a `[channels, samples]` array, from a sample to before another. */
export function channel(
  { data, shape }: NdArray<'float32'>,
  index: number,
  from = 0,
  to: number = shape[1]!,
): Float32Array {
  const samples = shape[1]!
  return data.subarray(index * samples + from, index * samples + Math.min(to, samples))
}

export function fileOf(folder: string, name: string): Buffer {
  return readFileSync(join(folder, name))
}
