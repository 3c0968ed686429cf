import type { Packet as AvPacket, BitStreamFilterContext } from 'node-av/lib'
import { badOption, MediaError } from '../../base/errors.ts'
import { setOptions } from '../../ffmpeg/codec-context.ts'
import { check, type FFmpeg, loadFFmpeg, problemOf } from '../../ffmpeg/library.ts'
import { describeParameters, fillParameters } from '../codec-parameters.ts'
import { Handle } from '../handle.ts'
import type { PacketData } from '../packets/blob.ts'
import { fillPacket, takePacket } from '../packets/native-packet.ts'
import { Packets } from '../packets/packets.ts'
import { describeCoded, plain, type StreamInfo } from '../stream-info.ts'

/**
 * Rewrites packets without decoding them: `'h264_mp4toannexb'`, `'aac_adtstoasc'`,
 * `'extract_extradata'`. `push` packets, and `flush` at the end for those that it holds back.
 * `stream` describes the result; decoders and muxers are made from it.
 *
 * @throws MediaError from the constructor: `ERR_BAD_OPTION` for an unknown filter,
 *   `ERR_UNSUPPORTED` if it does not support the codec
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { BitstreamFilter, Demuxer } from '@spindle/io/media'
 *
 * const demuxer = new Demuxer('sine=duration=1', { format: 'lavfi' })
 * const packets = demuxer.demux()
 * const filter = new BitstreamFilter(packets.stream, 'null')
 * assert.equal(filter.apply(packets).length, packets.length)
 * for (const one of [filter, demuxer]) one[Symbol.dispose]()
 * ```
 */
export class BitstreamFilter implements Disposable {
  /** Description of the resulting packets. */
  readonly stream: StreamInfo
  readonly #ffmpeg: FFmpeg
  readonly #context: BitStreamFilterContext
  readonly #packet: AvPacket
  readonly #handle: Handle
  #last: Pick<Packets, 'window' | 'source'> | undefined

  /** @param options options of the filter, by FFmpeg's names; an unknown option is an error */
  constructor(stream: StreamInfo, name: string, options: Readonly<Record<string, string>> = {}) {
    this.#ffmpeg = loadFFmpeg()
    const { av } = this.#ffmpeg
    const filter = av.BitStreamFilter.getByName(name)
    if (filter === null)
      throw badOption('name', "the name of one of FFmpeg's bit-stream filters", name)
    this.#context = new av.BitStreamFilterContext()
    this.#packet = new av.Packet()
    try {
      check(this.#ffmpeg, this.#context.alloc(filter), 'making the bit-stream filter')
      fillParameters(this.#ffmpeg, this.#context.inputCodecParameters!, stream.parameters)
      this.#context.inputTimeBase = new av.Rational(stream.timeBase.num, stream.timeBase.den)
      setOptions(this.#context, options, 'options', name)
      const result = this.#context.init()
      if (result < 0) {
        const problem = `${name} is not for ${stream.codec}: FFmpeg, ${av.FFmpegError.strerror(result)}`
        throw new MediaError('ERR_UNSUPPORTED', problem)
      }
      this.#packet.alloc()
      this.stream = this.#describe(stream)
    } catch (error) {
      this.#context.free()
      throw error
    }
    this.#handle = new Handle('BitstreamFilter', () => {
      this.#context.free()
      this.#packet.free()
    })
  }

  /**
   * Filters packets; the result may be empty.
   *
   * @throws MediaError `ERR_DECODE` if they are damaged
   */
  push(packets: Packets): Packets {
    this.#handle.check()
    this.#last = packets
    const out: PacketData[] = []
    for (const packet of packets) {
      fillPacket(this.#ffmpeg, this.#packet, packet)
      this.#send(this.#packet, packets.source)
      this.#receive(out, packets.source)
    }
    return this.#made(out)
  }

  /** Returns the packets that are held back. Afterwards the filter can take other packets. */
  flush(): Packets {
    this.#handle.check()
    const out: PacketData[] = []
    this.#send(null, this.#last?.source)
    this.#receive(out, this.#last?.source)
    this.#context.flush()
    return this.#made(out)
  }

  /** Filters packets that are complete: `push` and `flush`. */
  apply(packets: Packets): Packets {
    const [begun, rest] = [this.push(packets), this.flush()]
    return this.#made([...begun, ...rest])
  }

  /** Frees the filter. Its packets stay valid. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  #made(packets: readonly PacketData[]): Packets {
    return Packets.of(
      { stream: this.stream, window: this.#last?.window, source: this.#last?.source },
      packets,
    )
  }

  #send(packet: AvPacket | null, source: string | undefined): void {
    const result = this.#context.sendPacketSync(packet)
    if (result < 0 && result !== this.#ffmpeg.constants.AVERROR_EOF) this.#fail(result, source)
  }

  #receive(out: PacketData[], source: string | undefined): void {
    const { constants: c } = this.#ffmpeg
    for (;;) {
      this.#packet.unref()
      const result = this.#context.receivePacketSync(this.#packet)
      if (result === c.AVERROR_EAGAIN || result === c.AVERROR_EOF) return
      if (result < 0) this.#fail(result, source)
      out.push(takePacket(this.#packet))
    }
  }

  #fail(result: number, source: string | undefined): never {
    const problem = problemOf(this.#ffmpeg, result, 'filtering packets')
    throw new MediaError(
      'ERR_DECODE',
      source === undefined ? problem : `${source}: ${problem}`,
      source === undefined ? {} : { source },
    )
  }

  #describe(stream: StreamInfo): StreamInfo {
    const parameters = describeParameters(this.#ffmpeg, this.#context.outputCodecParameters!)
    const timeBase = plain(this.#context.outputTimeBase ?? stream.timeBase)
    const { index, startTime, duration, frameCount, metadata, frameRate } = stream
    return {
      ...describeCoded(this.#ffmpeg, parameters, timeBase),
      index,
      startTime,
      duration,
      frameCount,
      metadata,
      frameRate,
    }
  }
}
