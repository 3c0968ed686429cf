import { bytesOrFileSync } from '../files/atomic-file.ts'
import { encodeWav } from '../formats/wav/encode-wav.ts'
import type { AudioEncoding, EncodeAudioJob } from './encode-audio-options.ts'
import { encodeWithFFmpeg } from './ffmpeg/audio-encoder.ts'

/**
 * Encodes a sound in this thread: WAV with the package's own code, other formats with FFmpeg.
 *
 * @throws MediaError
 */
export function encodeAudioInThread({ encoding, path }: EncodeAudioJob): Uint8Array | undefined {
  const bytes = encoding.format === 'wav' ? encodeAsWav(encoding) : encodeWithFFmpeg(encoding)
  return bytesOrFileSync(bytes, path)
}

/**
 * Encodes samples as WAV.
 *
 * @throws MediaError `ERR_BAD_OPTION`
 */
function encodeAsWav({
  data,
  dtype,
  channels,
  isPlanar,
  sampleRate,
  bitDepth,
}: AudioEncoding): Uint8Array {
  const samples = data.length / channels
  const shape = isPlanar ? [channels, samples] : [samples, channels]
  const encoding =
    bitDepth === undefined ? {} : ({ encoding: bitDepth === 16 ? 'pcm16' : 'pcm24' } as const)
  return encodeWav(
    { data, dtype, shape },
    { sampleRate, layout: isPlanar ? 'CT' : 'TC', ...encoding },
  )
}
