import type { Codec, CodecContext, Frame, Packet } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import { check, type FFmpeg } from './library.ts'

/**
 * The first encoder that there is of some names. @throws MediaError `ERR_UNSUPPORTED` where there
 * is none
 */
export function encoderNamed({ av }: FFmpeg, names: readonly string[], what: string): Codec {
  for (const name of names) {
    const codec = av.Codec.findEncoderByName(name as never)
    if (codec !== null) return codec
  }
  throw new MediaError('ERR_UNSUPPORTED', `this FFmpeg has no encoder for ${what}`)
}

/**
 * Opens an encoder, which is the caller's to free, with one thread unless `describe`, which says
 * what it encodes, asks for more. @throws Error of FFmpeg's, or of `describe`
 */
export function openEncoder(
  ffmpeg: FFmpeg,
  codec: Codec,
  describe: (context: CodecContext) => void,
): CodecContext {
  const context = new ffmpeg.av.CodecContext()
  try {
    context.allocContext3(codec)
    context.threadCount = 1
    describe(context)
    check(ffmpeg, context.open2Sync(codec, null), `opening the encoder ${codec.name}`)
    return context
  } catch (error) {
    context.freeContext()
    throw error
  }
}

/**
 * Gives an encoder a frame, or the end, and hands on the packets that are complete: one after the
 * other in `packet`, each valid during the call.
 *
 * @throws Error of FFmpeg's
 */
export function encodeFrame(
  ffmpeg: FFmpeg,
  context: CodecContext,
  frame: Frame | null,
  packet: Packet,
  take: (packet: Packet) => void,
  doing = 'encoding',
): void {
  const { constants: c } = ffmpeg
  const sent = context.sendFrameSync(frame)
  if (sent !== c.AVERROR_EOF) check(ffmpeg, sent, doing)
  for (;;) {
    packet.unref()
    const received = context.receivePacketSync(packet)
    if (received === c.AVERROR_EAGAIN || received === c.AVERROR_EOF) return
    check(ffmpeg, received, doing)
    take(packet)
  }
}
