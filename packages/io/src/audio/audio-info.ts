import type { Routine } from '../files/routine.ts'
import type { WavFormat } from '../formats/wav/fmt.ts'
import { nativeDType, type WavDType } from '../formats/wav/wav-samples.ts'
import { headerOf } from './plain-wav.ts'

/** What the headers of a sound file, or of a video's sound, say. */
export interface AudioInfo {
  readonly kind: 'audio'
  /**
   * The container, by FFmpeg's name: `'wav'`, `'flac'`, `'mp3'`, `'ogg'`, `'mp4'` (M4A and MOV
   * too), `'matroska'` (WebM too), …
   */
  readonly format: string
  /** By FFmpeg's name: `'pcm_s16le'`, `'flac'`, `'mp3'`, `'aac'`, `'opus'`, `'vorbis'`, … */
  readonly codec: string
  /** Samples a second and channel, as they are decoded: 48000 for all of Opus. */
  readonly sampleRate: number
  readonly channels: number
  /** What samples are stored or decoded as, before `loadAudio` converts them. */
  readonly sampleFormat: WavDType
  /**
   * Length in seconds, as the headers tell: exact for WAV, FLAC, M4A and Ogg, to some milliseconds
   * for Matroska, and an estimate by the bit rate where nobody wrote it down, as in some MP3 files
   * and all of ADTS. `undefined` where it cannot be told.
   */
  readonly durationSec: number | undefined
  /**
   * Bits a second, of the stream where the headers tell, else of the whole file; `undefined` where
   * neither is known.
   */
  readonly bitRate: number | undefined
}

/**
 * What the header of a WAV file says that the package reads itself; `undefined` for others. @throws
 * MediaError `ERR_DECODE`
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
