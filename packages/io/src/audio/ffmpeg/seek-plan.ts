import type { Frame } from 'node-av/lib'
import type { Container } from '../../ffmpeg/container.ts'
import { isChained } from '../../ffmpeg/containers/ogg.ts'
import { hasLaterLink } from '../../ffmpeg/containers/ogg-links.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { PassOptions } from './pass.ts'

/** Smallest distance that is worth a seek, in seconds. */
const WORTH_SEEKING_SEC = 1

/**
 * Number of samples before a window at which decoding must begin, so that the window has the same
 * samples as in the whole. `undefined` for codecs whose time stamps do not identify samples in all
 * containers, such as ADPCM in WAV.
 *
 * PCM, FLAC and ALAC need none. For the others, one more frame is added to these numbers. MP2 has
 * only its filter bank. MP3 frames have up to 511 bytes of their data in earlier frames (255 below
 * 32 kHz), which at the lowest bit rates are 12 frames (38). AAC and AC-3 need one frame, but a
 * second if the decoder derives the upper half of the spectrum from its past (SBR). Vorbis needs
 * one block, at most 8192 samples. Opus converges: RFC 7845, 4.6, asks for 80 ms, and after a
 * second no difference is left.
 */
function preroll(codec: string, frame: Frame): number | undefined {
  const { sampleRate, nbSamples } = frame
  if (codec.startsWith('pcm_') || codec === 'flac' || codec === 'alac') return 0
  switch (codec) {
    case 'mp2':
      return 3 * 1152
    case 'mp3':
      return sampleRate < 32000 ? 40 * 576 : 14 * 1152
    case 'aac':
      return nbSamples === 1024 && sampleRate >= 32000 ? 4 * 1024 : sampleRate
    case 'ac3':
      return 3 * 1536
    case 'vorbis':
      return 2 * 8192
    case 'opus':
      return sampleRate
    default:
      return undefined
  }
}

/**
 * The sample to seek to for a window that begins at `from`; `undefined` if decoding continues from
 * the beginning.
 *
 * @param first the file's first frame
 */
export function seekPlan(
  ffmpeg: FFmpeg,
  { stream, format }: Container,
  { reader, samplesPerPiece }: Pick<PassOptions, 'reader' | 'samplesPerPiece'>,
  first: Frame,
  from: number,
): number | undefined {
  const codec = ffmpeg.av.avGetCodecName(stream.codecpar.codecId) ?? ''
  const before = preroll(codec, first)
  if (before === undefined || reader === undefined) return undefined
  const to = from - before
  if (to < WORTH_SEEKING_SEC * first.sampleRate) return undefined
  if (format.iformat?.name !== 'ogg') return to
  // After a seek into the last page of Ogg FLAC, FFmpeg's time stamps are late by whole packets. In
  // chained files it knows only the first. A second one with the same serial numbers is found at
  // the end of a window; pieces cannot wait for that.
  const isChain = isChained(reader) || (samplesPerPiece !== Infinity && hasLaterLink(reader))
  return codec === 'flac' || isChain ? undefined : to
}
