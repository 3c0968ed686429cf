import { type FFmpeg, loadFFmpeg } from '../../image/ffmpeg/library.ts'
import type { WavDType } from '../../wav/samples.ts'
import type { AudioInfo } from '../audio-info.ts'
import type { OpenFile } from '../open-file.ts'
import { Container } from './container.ts'

/** What FFmpeg finds out about a sound without decoding all of it. Throws FFmpeg's own error or a `MediaError`, without source. */
export function inspectWithFFmpeg(file: OpenFile): AudioInfo {
  const ffmpeg = loadFFmpeg()
  const container = new Container(ffmpeg, file, { isForProbe: true })
  try {
    const { codecpar } = container.stream
    const { sampleRate, channels } = codecpar
    if (sampleRate === 0 || channels === 0) throw new Error('its headers do not tell what sound is in it')
    const durationSec = durationOf(container)
    const told = Number(codecpar.bitRate) || Number(container.format.bitRate)
    const estimated = durationSec === undefined ? 0 : Math.round((file.reader.size * 8) / durationSec)
    return {
      ...{
        kind: 'audio',
        format: formatOf(container),
        codec: codecOf(ffmpeg, container),
        sampleRate,
        channels,
      },
      sampleFormat: sampleFormatOf(ffmpeg, codecpar.format),
      durationSec,
      bitRate: told || estimated || undefined,
    }
  } finally {
    container.close()
  }
}

function durationOf({ stream, format }: Container): number | undefined {
  const { num, den } = stream.timeBase
  const { sampleRate, initialPadding } = stream.codecpar
  if (stream.duration > 0n) {
    // In Ogg alone the priming samples count.
    const priming = format.iformat?.name === 'ogg' ? initialPadding / sampleRate : 0
    return Math.max(0, (Number(stream.duration) * num) / den - priming)
  }
  return format.duration > 0n ? Number(format.duration) / 1e6 : undefined
}

/** FFmpeg names a demuxer after all that it reads. */
function formatOf({ format }: Container): string {
  const names = format.iformat?.name?.split(',') ?? []
  return names.includes('mp4') ? 'mp4' : (names[0] ?? 'unknown')
}

function codecOf({ av }: FFmpeg, { stream }: Container): string {
  return av.avGetCodecName(stream.codecpar.codecId) ?? 'unknown'
}

function sampleFormatOf({ constants: c }: FFmpeg, format: number): WavDType {
  switch (format) {
    case c.AV_SAMPLE_FMT_U8:
    case c.AV_SAMPLE_FMT_U8P:
      return 'uint8'
    case c.AV_SAMPLE_FMT_S16:
    case c.AV_SAMPLE_FMT_S16P:
      return 'int16'
    case c.AV_SAMPLE_FMT_S32:
    case c.AV_SAMPLE_FMT_S32P:
      return 'int32'
    case c.AV_SAMPLE_FMT_S64:
    case c.AV_SAMPLE_FMT_S64P:
      return 'int64'
    case c.AV_SAMPLE_FMT_DBL:
    case c.AV_SAMPLE_FMT_DBLP:
      return 'float64'
    default:
      return 'float32'
  }
}
