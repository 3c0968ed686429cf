import type { Stream } from 'node-av/lib'
import type { AudioInfo } from '../../audio/audio-info.ts'
import { Container } from '../../ffmpeg/container.ts'
import { countAviChunks } from '../../ffmpeg/containers/avi.ts'
import { shownByHeader } from '../../ffmpeg/containers/edits.ts'
import { type Mp4, readMp4 } from '../../ffmpeg/containers/mp4.ts'
import { isChained } from '../../ffmpeg/containers/ogg.ts'
import { chainedDuration } from '../../ffmpeg/containers/ogg-links.ts'
import { type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import { sampleDTypeOf } from '../../ffmpeg/sample-formats.ts'
import { refuseStill } from '../../ffmpeg/still-pictures.ts'
import type { OpenFile } from '../../files/open-file.ts'
import { isQuarterTurn } from '../../image/orientation.ts'
import type { VideoInfo } from '../video-info.ts'
import { plainTarget } from '../video-options.ts'
import { orientationOf } from './display-matrix.ts'
import { VideoPass } from './video-pass.ts'

/**
 * What FFmpeg finds out about a sound or a video without decoding all of it. Throws FFmpeg's own
 * error or a `MediaError`, without source.
 */
export function inspectWithFFmpeg(file: OpenFile): AudioInfo | VideoInfo {
  const ffmpeg = loadFFmpeg()
  const mp4 = readMp4(file.reader, true)
  if (mp4?.picture !== undefined) refuseStill(mp4.picture)
  const container = new Container(ffmpeg, file, { kind: 'any', isForProbe: true })
  try {
    const { stream } = container
    const { size } = file.reader
    if (stream.codecpar.codecType === ffmpeg.constants.AVMEDIA_TYPE_AUDIO) {
      return ofWholeChain(audioInfoOf(ffmpeg, container, stream, size), file)
    }
    const [audio] = container.streamsOf(ffmpeg, 'audio')
    const info = videoInfoOf(
      ffmpeg,
      container,
      size,
      audio && audioInfoOf(ffmpeg, container, audio, size),
    )
    if (mp4 !== undefined) return { ...info, numFrames: countFrames(ffmpeg, file, mp4, stream.id) }
    return info.format === 'avi'
      ? { ...info, numFrames: countAviChunks(file.reader, stream.index) ?? info.numFrames }
      : info
  } finally {
    container.close()
  }
}

/** Of Ogg files behind each other, FFmpeg tells the length of the first. */
function ofWholeChain(info: AudioInfo, { reader }: OpenFile): AudioInfo {
  if (info.format !== 'ogg' || !isChained(reader)) return info
  const durationSec = chainedDuration(reader)
  const bitRate =
    durationSec === undefined ? info.bitRate : Math.round((reader.size * 8) / durationSec)
  return { ...info, durationSec, bitRate }
}

function videoInfoOf(
  ffmpeg: FFmpeg,
  container: Container,
  bytes: number,
  audio: AudioInfo | undefined,
): VideoInfo {
  const { av } = ffmpeg
  const { stream } = container
  const { codecpar, sampleAspectRatio, nbFrames } = stream
  if (codecpar.width === 0 || codecpar.height === 0)
    throw new Error('its headers do not tell its size')
  const orientation = orientationOf(stream, ffmpeg)
  const isTurned = isQuarterTurn(orientation)
  const rate = stream.avgFrameRate.num > 0 ? stream.avgFrameRate : stream.rFrameRate
  const durationSec = durationOf(container, stream)
  const pixels = sampleAspectRatio.num > 0 ? sampleAspectRatio.num / sampleAspectRatio.den : 1
  return {
    kind: 'video',
    format: formatOf(container),
    codec: codecOf(ffmpeg, stream),
    width: isTurned ? codecpar.height : codecpar.width,
    height: isTurned ? codecpar.width : codecpar.height,
    orientation,
    pixelAspectRatio: isTurned ? 1 / pixels : pixels,
    pixelFormat: av.avGetPixFmtName(codecpar.format as never) ?? 'unknown',
    frameRate: rate.num > 0 && rate.den > 0 ? rate.num / rate.den : undefined,
    numFrames: nbFrames > 0n ? Number(nbFrames) : undefined,
    durationSec,
    bitRate: bitRateOf(container, stream, bytes, durationSec),
    audio,
  }
}

function audioInfoOf(
  ffmpeg: FFmpeg,
  container: Container,
  stream: Stream,
  bytes: number,
): AudioInfo {
  const { av } = ffmpeg
  const { codecpar } = stream
  const { sampleRate, channels } = codecpar
  if (sampleRate === 0 || channels === 0)
    throw new Error('its headers do not tell what sound is in it')
  const durationSec = durationOf(container, stream)
  return {
    ...{
      kind: 'audio',
      format: formatOf(container),
      codec: codecOf(ffmpeg, stream),
      sampleRate,
      channels,
    },
    sampleFormat: sampleDTypeOf(av.avGetSampleFmtName(codecpar.format as never)) ?? 'float32',
    durationSec,
    bitRate: bitRateOf(container, stream, bytes, durationSec),
  }
}

function bitRateOf(
  { format }: Container,
  { codecpar }: Stream,
  bytes: number,
  durationSec: number | undefined,
): number | undefined {
  const estimated = durationSec === undefined ? 0 : Math.round((bytes * 8) / durationSec)
  return Number(codecpar.bitRate) || Number(format.bitRate) || estimated || undefined
}

function durationOf({ format }: Container, stream: Stream): number | undefined {
  const { num, den } = stream.timeBase
  const { sampleRate, initialPadding } = stream.codecpar
  if (stream.duration > 0n) {
    // In Ogg alone the priming samples count; and Opus that was cut out of a longer sound does not
    // begin at 0.
    const isOgg = format.iformat?.name === 'ogg' && sampleRate > 0
    const priming = isOgg ? initialPadding / sampleRate : 0
    const begin = isOgg && initialPadding > 0 && stream.startTime > 0n ? stream.startTime : 0n
    return Math.max(0, (Number(stream.duration - begin) * num) / den - priming)
  }
  return format.duration > 0n ? Number(format.duration) / 1e6 : undefined
}

/** FFmpeg names a demuxer after all that it reads. */
function formatOf({ format }: Container): string {
  const names = format.iformat?.name?.split(',') ?? []
  return names.includes('mp4') ? 'mp4' : (names[0] ?? 'unknown')
}

function codecOf({ av }: FFmpeg, stream: Stream): string {
  return av.avGetCodecName(stream.codecpar.codecId) ?? 'unknown'
}

/** Bytes of a file that is read to count frames: where edits hide some, packets tell which. */
const MOST_READ = 2 ** 30

/**
 * How many frames of a stream of an MP4 file are shown: by its header, or where edits hide some, by
 * its packets, which are read and not decoded. `undefined` where neither tells.
 */
function countFrames(ffmpeg: FFmpeg, file: OpenFile, mp4: Mp4, id: number): number | undefined {
  const track = mp4.tracks.find((one) => one.id === id && one.kind === 'vide')
  if (track === undefined) return undefined
  const told = shownByHeader(track, mp4.isFragmented)
  if (told !== undefined || file.reader.size > MOST_READ) return told
  try {
    const target = plainTarget({ strict: false, maxPixels: Infinity })
    const pass = new VideoPass(ffmpeg, file, target)
    try {
      return pass.count()
    } finally {
      pass.free()
    }
  } catch {
    return undefined // what it is has been told; what is wrong with it is told by who loads it
  }
}
