import { MediaError } from '../../errors.ts'
import { check, type FFmpeg } from './library.ts'

const IO_BYTES = 64 << 10

/**
 * Finds the coded picture in an AVIF file, with FFmpeg's demuxer reading from memory: one AV1 frame, to be decoded by itself.
 *
 * @throws MediaError `ERR_UNSUPPORTED` where the picture is stored as a grid of tiles, which FFmpeg gives as separate streams
 */
export function readAvifItem(ffmpeg: FFmpeg, bytes: Buffer): Buffer {
  const { av, constants: c } = ffmpeg
  const io = memoryReader(ffmpeg, bytes)
  const container = new av.FormatContext()
  const packet = new av.Packet()
  try {
    container.allocContext()
    container.pb = io
    check(ffmpeg, container.openInputSync('', av.InputFormat.findInputFormat('mov'), null), 'opening')
    const pictures = container.streams.filter((stream) => stream.codecpar.codecId === c.AV_CODEC_ID_AV1)
    const main =
      pictures.find((stream) => (stream.disposition & c.AV_DISPOSITION_DEFAULT) !== 0) ?? pictures[0]
    if (main === undefined) throw new Error('there is no picture in it')
    if (pictures.some((stream) => (stream.disposition & c.AV_DISPOSITION_DEPENDENT) !== 0)) {
      throw new MediaError('ERR_UNSUPPORTED', 'the picture is a grid of tiles, which the sharp backend reads')
    }
    packet.alloc()
    while (true) {
      check(ffmpeg, container.readFrameSync(packet), 'reading')
      if (packet.streamIndex === main.index) return Buffer.from(packet.data ?? [])
      packet.unref()
    }
  } finally {
    packet.free()
    container.closeInputSync()
    io.freeContext()
  }
}

function memoryReader({ av, constants: c }: FFmpeg, bytes: Buffer): InstanceType<FFmpeg['av']['IOContext']> {
  let at = 0
  const read = (size: number): Buffer | number => {
    if (at >= bytes.length) return c.AVERROR_EOF
    const part = bytes.subarray(at, at + size)
    at += part.length
    return part
  }
  const seek = (offset: bigint, whence: number): bigint => {
    if (whence === c.AVSEEK_SIZE) return BigInt(bytes.length)
    const from = whence === c.AVSEEK_CUR ? at : whence === c.AVSEEK_END ? bytes.length : 0
    at = Math.max(0, from + Number(offset))
    return BigInt(at)
  }
  const io = new av.IOContext()
  io.allocContextWithCallbacks(IO_BYTES, 0, read, undefined, seek)
  return io
}
