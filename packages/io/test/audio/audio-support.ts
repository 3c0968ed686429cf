import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EncodedAudioFormat, NdArray } from '../../src/index.ts'
import { encodeAudioSync, saveWavSync } from '../../src/sync.ts'
import { numbers } from '../support.ts'

/** Why tests that need a program are skipped, or `false`. */
export function without(program: string): string | false {
  return spawnSync(program, ['--help']).error === undefined ? false : `${program} is not installed`
}

/** A folder of its own, to be removed by `remove`. */
export function scratch(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'spindle-audio-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Runs a program, which must succeed; what it prints. */
export function run(program: string, ...args: string[]): Buffer {
  const { status, stdout, stderr } = spawnSync(program, args, { maxBuffer: 1 << 28, timeout: 60_000 })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** What the ffmpeg command makes of a file: samples side by side. */
export function decodedByCli(file: string, ...args: string[]): Float32Array {
  const bytes = run('ffmpeg', '-v', 'error', '-i', file, '-vn', ...args, '-f', 'f32le', '-')
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

/** Two channels of rising tones, the second with some noise: nothing in it repeats. */
export function sweep(seconds: number, sampleRate = 44100): NdArray<'int16'> & { sampleRate: number } {
  const random = numbers(3)
  const samples = Math.round(seconds * sampleRate)
  const data = new Int16Array(samples * 2)
  for (let i = 0; i < samples; i++) {
    const t = i / sampleRate
    data[i] = Math.round(12000 * Math.sin(2 * Math.PI * (200 + 150 * t) * t))
    data[samples + i] = Math.round(9000 * Math.sin(2 * Math.PI * (900 - 40 * t) * t) + random(600) - 300)
  }
  return { data, dtype: 'int16', shape: [2, samples], sampleRate }
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

/** The sweep in containers and codecs that only the ffmpeg command writes: paths by name. */
export function cliSweeps(folder: string, seconds: number): Record<string, string> {
  const wav = join(folder, 'sweep.wav')
  saveWavSync(wav, { ...sweep(seconds), layout: 'CT' })
  const made: Record<string, string[]> = {
    'sweep.flac': [],
    'sweep.mp3': ['-b:a', '128k'],
    'noxing.mp3': ['-write_xing', '0', '-id3v2_version', '0'],
    'sweep.m4a': ['-c:a', 'aac'],
    'sweep.aac': ['-c:a', 'aac'],
    'sweep.opus': [],
    'sweep.ogg': [],
    'flac.ogg': ['-c:a', 'flac'],
    'sweep.mka': ['-c:a', 'libvorbis'],
    'sweep.webm': ['-c:a', 'libopus'],
    'sweep.ts': ['-c:a', 'aac'],
    'sweep.aiff': [],
    'adpcm.wav': ['-c:a', 'adpcm_ms'],
    's24.flac': ['-c:a', 'flac', '-sample_fmt', 's32'],
  }
  const paths: Record<string, string> = { 'sweep.wav': wav }
  for (const [name, args] of Object.entries(made)) {
    paths[name] = join(folder, name)
    run('ffmpeg', '-v', 'error', '-y', '-i', wav, ...args, paths[name])
  }
  paths['video.mp4'] = join(folder, 'video.mp4')
  const video = ['-f', 'lavfi', '-i', `testsrc=d=${seconds}:s=64x48:r=10`, '-i', wav]
  run('ffmpeg', ...['-v', 'error', '-y', ...video, '-c:v', 'mpeg4', '-c:a', 'aac', paths['video.mp4']])
  return paths
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
