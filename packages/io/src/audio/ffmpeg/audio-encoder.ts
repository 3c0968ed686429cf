import { readFileSync } from 'node:fs'
import type { Codec, CodecContext } from 'node-av/lib'
import { badOption, MediaError } from '../../base/errors.ts'
import { encodeFrame, encoderNamed, openEncoder } from '../../ffmpeg/encoders.ts'
import { check, type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import type { AvSampleFormat } from '../../ffmpeg/sample-formats.ts'
import { removeSpilled, spillPath } from '../../files/spill.ts'
import type { AudioEncoding, EncodedAudioFormat } from '../encode-audio-options.ts'
import { pcmFrames } from './pcm-frames.ts'
import { defaultLayout } from './sample-format.ts'

/**
 * Encodes and muxes a sound with FFmpeg, in this thread. @throws MediaError `ERR_ENCODE`,
 * `ERR_BACKEND_MISSING`
 */
export function encodeWithFFmpeg(encoding: AudioEncoding): Uint8Array {
  const ffmpeg = loadFFmpeg()
  try {
    return encode(ffmpeg, encoding)
  } catch (error) {
    if (error instanceof MediaError) throw error
    throw new MediaError('ERR_ENCODE', (error as Error).message, { cause: error })
  }
}

function encode(ffmpeg: FFmpeg, encoding: AudioEncoding): Uint8Array {
  const { av, constants: c } = ffmpeg
  const [muxerName, encoderName] = FORMATS[encoding.format]
  const path = spillPath() // muxers go back to fill in what they know only at the end
  const muxer = new av.FormatContext()
  const packet = new av.Packet()
  packet.alloc()
  let opened: CodecContext | undefined
  try {
    const made = muxer.allocOutputContext2(null, muxerName, `file:${path}`)
    check(ffmpeg, made, 'making the file')
    check(ffmpeg, muxer.openOutputSync(), 'making the file')
    muxer.setFlags(c.AVFMT_FLAG_BITEXACT) // else Ogg draws a number, and the same sound is never the same file
    const codec = encoderNamed(ffmpeg, [encoderName], encoding.format)
    const encoder = openEncoder(ffmpeg, codec, (context) => {
      describe(ffmpeg, context, codec, encoding)
      if (((muxer.oformat?.flags ?? 0) & c.AVFMT_GLOBALHEADER) !== 0)
        context.setFlags(c.AV_CODEC_FLAG_GLOBAL_HEADER)
    })
    opened = encoder
    const stream = muxer.newStream(null)
    stream.timeBase = new av.Rational(1, encoder.sampleRate)
    check(ffmpeg, stream.codecpar.fromContext(encoder), 'describing the stream')
    check(ffmpeg, muxer.writeHeaderSync(null), 'writing the header')
    const write = (): void => {
      packet.streamIndex = stream.index
      packet.rescaleTs(encoder.timeBase, stream.timeBase)
      check(ffmpeg, muxer.writeFrameSync(packet), 'writing a packet')
    }
    for (const frame of pcmFrames(ffmpeg, encoding, encoder))
      encodeFrame(ffmpeg, encoder, frame, packet, write)
    encodeFrame(ffmpeg, encoder, null, packet, write)
    check(ffmpeg, muxer.writeTrailerSync(), 'finishing the file')
    muxer.closeOutputSync()
    const { buffer, byteOffset, length } = readFileSync(path)
    return new Uint8Array(buffer, byteOffset, length)
  } finally {
    packet.free()
    opened?.freeContext()
    muxer.closeOutputSync()
    muxer.freeContext()
    removeSpilled(path)
  }
}

/** FFmpeg's muxer and encoder of each. */
const FORMATS: Readonly<Record<EncodedAudioFormat, readonly [muxer: string, encoder: string]>> = {
  wav: ['wav', 'pcm_s16le'],
  flac: ['flac', 'flac'],
  mp3: ['mp3', 'libmp3lame'],
  m4a: ['ipod', 'aac'],
  opus: ['opus', 'libopus'],
  ogg: ['ogg', 'libvorbis'],
}

function describe(
  ffmpeg: FFmpeg,
  encoder: CodecContext,
  codec: Codec,
  encoding: AudioEncoding,
): void {
  const { av } = ffmpeg
  encoder.sampleRate = encodedRate(codec, encoding)
  encoder.sampleFormat = encodedFormat(ffmpeg, encoding)
  encoder.channelLayout = defaultLayout(encoding.channels, ffmpeg)
  encoder.timeBase = new av.Rational(1, encoder.sampleRate)
  if (encoding.format !== 'flac') encoder.bitRate = BigInt(encoding.bitRate)
  else {
    encoder.bitsPerRawSample = flacDepth(encoding)
    encoder.setOption('compression_level', encoding.compressionLevel)
  }
}

/**
 * Opus hears up to 20 kHz whatever it is given, and is decoded at 48000: of other rates than it
 * has, that is what is made.
 */
function encodedRate(codec: Codec, { sampleRate, format }: AudioEncoding): number {
  const possible = codec.supportedSamplerates
  if (possible === null || possible.length === 0 || possible.includes(sampleRate)) return sampleRate
  if (format === 'opus') return 48_000
  const rates = possible.toSorted((a, b) => a - b).join(', ')
  throw badOption('sampleRate', `one of ${rates} for '${format}'`, sampleRate)
}

function encodedFormat({ constants: c }: FFmpeg, encoding: AudioEncoding): AvSampleFormat {
  if (encoding.format === 'opus') return c.AV_SAMPLE_FMT_FLT
  if (encoding.format !== 'flac') return c.AV_SAMPLE_FMT_FLTP
  return flacDepth(encoding) === 16 ? c.AV_SAMPLE_FMT_S16 : c.AV_SAMPLE_FMT_S32
}

function flacDepth({ dtype, bitDepth }: AudioEncoding): 16 | 24 {
  return bitDepth ?? (dtype === 'int16' || dtype === 'uint8' ? 16 : 24)
}
