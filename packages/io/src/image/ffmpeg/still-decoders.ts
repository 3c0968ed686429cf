import type { CodecContext, Frame, Packet } from 'node-av/lib'
import { MAX_PIXELS } from '../../base/geometry.ts'
import { openDecoder } from '../../ffmpeg/codec-context.ts'
import { findDecoder } from '../../ffmpeg/decoders.ts'
import { emptyFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import type { ImageFormat } from '../encoded-image.ts'

/** The decoder of a format, and how strict it can be. */
interface Choice {
  readonly id: `AV_CODEC_ID_${'MJPEG' | 'PNG' | 'WEBP' | 'BMP' | 'TIFF' | 'AV1' | 'HEVC'}`
  /**
   * FFmpeg's `err_detect` flags. Without `explode` a truncated JPEG decodes, its lower part grey.
   */
  readonly strictness: string | undefined
}

/** Which decoder a packet is for. */
export interface DecoderKey {
  readonly format: Exclude<ImageFormat, 'gif'>
  /** JPEG is decoded at 1 / 2^lowres of its size: 0 to 3. */
  readonly lowres: number
}

/** What is special about a packet. */
export interface Special {
  readonly isAlone?: boolean
  readonly extraData?: Buffer | undefined
}

/**
 * The decoders of one thread: one a format, and for JPEG one a size, kept from image to image
 * because making one costs 0.2 ms, a quarter of a small JPEG. A decoder that failed is made anew:
 * what state it is in, nobody promises.
 */
export class Decoders {
  readonly #ffmpeg: FFmpeg
  readonly #kept = new Map<string, CodecContext>()
  /** What the decoder of HEVC was given. */
  #extraData: Buffer | undefined
  #maxPixels = MAX_PIXELS
  readonly #packet: Packet
  readonly #frame: Frame

  constructor(ffmpeg: FFmpeg) {
    this.#ffmpeg = ffmpeg
    this.#packet = new ffmpeg.av.Packet()
    this.#packet.alloc()
    this.#frame = emptyFrame(ffmpeg)
  }

  /**
   * Decodes the first picture of a packet. The frame is valid until the next call. With `isAlone`
   * the decoder is a new one: where files are damaged, those of TIFF, and of JPEG without tables,
   * would show what was decoded before. `extraData`: what HEVC's must know first.
   */
  first(key: DecoderKey, bytes: Buffer, { isAlone = false, extraData }: Special = {}): Frame {
    if (isAlone || !isSame(extraData, this.#extraData)) this.#discard(key)
    const decoder = this.#decoderFor(key, extraData)
    try {
      this.#send(decoder, bytes)
      const { constants: c } = this.#ffmpeg
      let result = decoder.receiveFrameSync(this.#frame)
      if (result === c.AVERROR_EAGAIN) {
        check(this.#ffmpeg, decoder.sendPacketSync(null), 'decoding')
        result = decoder.receiveFrameSync(this.#frame)
        decoder.flushBuffers()
      }
      check(this.#ffmpeg, result, 'decoding')
      this.#refuseDamaged()
    } catch (error) {
      this.#discard(key)
      throw error
    }
    return this.#frame
  }

  /**
   * The most pixels that a decoder may find. Files are refused by what their headers say; this is
   * for pictures that are larger than the file around them says.
   */
  limit(maxPixels: number): void {
    const most = Math.min(Math.max(maxPixels, LEAST_PIXELS), MAX_PIXELS)
    if (most === this.#maxPixels) return
    this.#maxPixels = most
    this.free()
  }

  /** Lets go of the last picture's memory. */
  release(): void {
    this.#frame.unref()
  }

  /** Frees everything. The object can be used again. */
  free(): void {
    this.release()
    for (const decoder of this.#kept.values()) decoder.freeContext()
    this.#kept.clear()
  }

  #send(decoder: CodecContext, bytes: Buffer): void {
    const packet = this.#packet
    packet.unref()
    packet.data = bytes // a copy
    packet.isKeyframe = true // else the PNG decoder adds the picture to the one before
    const result = decoder.sendPacketSync(packet)
    packet.unref()
    check(this.#ffmpeg, result, 'decoding')
  }

  #refuseDamaged(): void {
    if (this.#frame.decodeErrorFlags !== 0)
      throw new Error('FFmpeg, decoding: the picture is damaged')
  }

  #decoderFor(key: DecoderKey, extraData: Buffer | undefined): CodecContext {
    const name = key.format + key.lowres
    let decoder = this.#kept.get(name)
    if (decoder === undefined) {
      decoder = this.#open(key, extraData)
      this.#kept.set(name, decoder)
      this.#extraData = extraData && Buffer.from(extraData) // the file's memory is used again
    }
    return decoder
  }

  #discard(key: DecoderKey): void {
    const name = key.format + key.lowres
    this.#kept.get(name)?.freeContext()
    this.#kept.delete(name)
  }

  #open({ format, lowres }: DecoderKey, extraData: Buffer | undefined): CodecContext {
    const { id, strictness } = CHOICES[format]
    const codec = findDecoder(this.#ffmpeg, this.#ffmpeg.constants[id], `for ${format}`)
    return openDecoder(this.#ffmpeg, codec, {
      limits: { maxPixels: this.#maxPixels },
      errDetect: strictness,
      prepare: (decoder) => {
        if (lowres > 0) decoder.setOption('lowres', lowres)
        if (extraData !== undefined) decoder.extraData = extraData
      },
    })
  }
}

/** Decoders are not made anew for limits that are lower: such a picture does no harm. */
const LEAST_PIXELS = 1 << 24

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || (b !== undefined && a.equals(b))
}

/**
 * TIFF is decoded leniently: with `explode`, tags that the decoder does not know would be errors.
 */
const CHOICES: Readonly<Record<DecoderKey['format'], Choice>> = {
  jpeg: { id: 'AV_CODEC_ID_MJPEG', strictness: 'explode' },
  png: { id: 'AV_CODEC_ID_PNG', strictness: 'crccheck+explode' },
  webp: { id: 'AV_CODEC_ID_WEBP', strictness: 'explode' },
  bmp: { id: 'AV_CODEC_ID_BMP', strictness: 'explode' },
  tiff: { id: 'AV_CODEC_ID_TIFF', strictness: undefined },
  avif: { id: 'AV_CODEC_ID_AV1', strictness: 'explode' },
  heic: { id: 'AV_CODEC_ID_HEVC', strictness: 'explode' },
}
