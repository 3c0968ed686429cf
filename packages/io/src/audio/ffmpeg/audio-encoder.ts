import { readFileSync } from 'node:fs'
import type { Codec, CodecContext, FormatContext, Frame, Packet, Stream } from 'node-av/lib'
import { badOption, MediaError } from '../../base/errors.ts'
import { check, type FFmpeg, loadFFmpeg } from '../../ffmpeg/library.ts'
import type { AvSampleFormat } from '../../ffmpeg/sample-formats.ts'
import { removeSpilled, spillPath } from '../../files/spill.ts'
import type { AudioEncoding, EncodedAudioFormat } from '../encode-audio-options.ts'
import { pcmFrames } from './pcm-frames.ts'
import { defaultLayout } from './sample-format.ts'

/**
 * Encodes and muxes a sound with FFmpeg, in this thread.
 *
 * @throws MediaError `ERR_ENCODE`, `ERR_BACKEND_MISSING`
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
  const path = spillPath() // muxers seek back to fill in values that they know only at the end
  const muxer = new av.FormatContext()
  const encoder = new av.CodecContext()
  const packet = new av.Packet()
  packet.alloc()
  try {
    check(
      ffmpeg,
      muxer.allocOutputContext2(null, MUXERS[encoding.format], `file:${path}`),
      'making the file',
    )
    check(ffmpeg, muxer.openOutputSync(), 'making the file')
    // without it, Ogg draws a random number, and the same sound gives different files
    muxer.setFlags(c.AVFMT_FLAG_BITEXACT)
    const codec = encoderFor(ffmpeg, encoding)
    openEncoder(ffmpeg, encoder, codec, encoding)
    if (((muxer.oformat?.flags ?? 0) & c.AVFMT_GLOBALHEADER) !== 0)
      encoder.setFlags(c.AV_CODEC_FLAG_GLOBAL_HEADER)
    check(ffmpeg, encoder.open2Sync(codec, null), 'opening the encoder')
    const stream = muxer.newStream(null)
    stream.timeBase = new av.Rational(1, encoder.sampleRate)
    check(ffmpeg, stream.codecpar.fromContext(encoder), 'describing the stream')
    check(ffmpeg, muxer.writeHeaderSync(null), 'writing the header')
    const pass = (frame: Frame | null): void => {
      check(ffmpeg, encoder.sendFrameSync(frame), 'encoding')
      drain(ffmpeg, encoder, muxer, stream, packet)
    }
    for (const frame of pcmFrames(ffmpeg, encoding, encoder)) pass(frame)
    pass(null)
    check(ffmpeg, muxer.writeTrailerSync(), 'finishing the file')
    muxer.closeOutputSync()
    const { buffer, byteOffset, length } = readFileSync(path)
    return new Uint8Array(buffer, byteOffset, length)
  } finally {
    packet.free()
    encoder.freeContext()
    muxer.closeOutputSync()
    muxer.freeContext()
    removeSpilled(path)
  }
}

function drain(
  ffmpeg: FFmpeg,
  encoder: CodecContext,
  muxer: FormatContext,
  stream: Stream,
  packet: Packet,
): void {
  const { constants: c } = ffmpeg
  for (;;) {
    const result = encoder.receivePacketSync(packet)
    if (result === c.AVERROR_EAGAIN || result === c.AVERROR_EOF) return
    check(ffmpeg, result, 'encoding')
    packet.streamIndex = stream.index
    packet.rescaleTs(encoder.timeBase, stream.timeBase)
    check(ffmpeg, muxer.writeFrameSync(packet), 'writing a packet')
    packet.unref()
  }
}

const MUXERS: Readonly<Record<EncodedAudioFormat, string>> = {
  ...{ wav: 'wav', flac: 'flac', mp3: 'mp3', m4a: 'ipod', opus: 'opus', ogg: 'ogg' },
}

function encoderFor({ av, constants: c }: FFmpeg, { format }: AudioEncoding): Codec {
  const names = {
    ...{ wav: c.FF_ENCODER_PCM_S16LE, flac: c.FF_ENCODER_FLAC, mp3: c.FF_ENCODER_LIBMP3LAME },
    ...{ m4a: c.FF_ENCODER_AAC, opus: c.FF_ENCODER_LIBOPUS, ogg: c.FF_ENCODER_LIBVORBIS },
  }
  const codec = av.Codec.findEncoderByName(names[format])
  if (codec === null) throw new Error(`this FFmpeg has no encoder for ${format}`)
  return codec
}

function openEncoder(
  ffmpeg: FFmpeg,
  encoder: CodecContext,
  codec: Codec,
  encoding: AudioEncoding,
): void {
  const { av } = ffmpeg
  encoder.allocContext3(codec)
  encoder.threadCount = 1
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
 * Opus keeps up to 20 kHz at any input rate and is decoded at 48000. Rates that it lacks become
 * 48000.
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
