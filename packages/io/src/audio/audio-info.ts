import type { Routine } from '../files/routine.ts'
import type { WavFormat } from '../formats/wav/fmt.ts'
import { nativeDType, type WavDType } from '../formats/wav/wav-samples.ts'
import { headerOf } from './plain-wav.ts'

/** The headers of a sound file, or of a video's sound. */
export interface AudioInfo {
  /** Distinguishes the results of `probe`. */
  readonly kind: 'audio'
  /**
   * The container, by FFmpeg's name: `'wav'`, `'flac'`, `'mp3'`, `'ogg'`, `'mp4'` (M4A and MOV
   * too), `'matroska'` (WebM too), …
   */
  readonly format: string
  /**
   * The codec, by FFmpeg's name: `'pcm_s16le'`, `'flac'`, `'mp3'`, `'aac'`, `'opus'`, `'vorbis'`, …
   */
  readonly codec: string
  /** Samples per second and channel, as they are decoded: always 48000 for Opus. */
  readonly sampleRate: number
  /** Number of channels. */
  readonly channels: number
  /** The dtype of the stored or decoded samples, before `loadAudio` converts them. */
  readonly sampleFormat: WavDType
  /**
   * Length in seconds, from the headers. It is exact for WAV, FLAC, M4A and Ogg, and exact to some
   * milliseconds for Matroska. Without a length in the file, it is an estimate from the bit rate,
   * as for some MP3 files and all ADTS files. `undefined` if unknown.
   */
  readonly durationSec: number | undefined
  /**
   * Bits per second, of the stream if the headers have it, otherwise of the whole file; `undefined`
   * if unknown.
   */
  readonly bitRate: number | undefined
}

/**
 * The header of a WAV file that this package reads itself; `undefined` for other files.
 *
 * @throws MediaError `ERR_DECODE`
 */
export function* wavInfo(size: number): Routine<AudioInfo | undefined> {
  const header = yield* headerOf(size, { isStrict: true })
  if (header === undefined || 'problem' in header) return undefined
  const { sampleRate, channels, blockAlign, durationSec } = header
  return {
    ...{ kind: 'audio', format: 'wav', codec: codecOf(header), sampleRate, channels },
    ...{ sampleFormat: nativeDType(header), durationSec, bitRate: sampleRate * blockAlign * 8 },
  }
}

function codecOf({ encoding, blockAlign, channels, isBigEndian }: WavFormat): string {
  const bits = (blockAlign / channels) * 8
  const order = isBigEndian ? 'be' : 'le'
  if (encoding === 'float') return `pcm_f${bits}${order}`
  if (encoding !== 'pcm') return `pcm_${encoding}`
  return bits === 8 ? 'pcm_u8' : `pcm_s${bits}${order}`
}
