import type { Frame, SoftwareResampleContext } from 'node-av/lib'
import type { DataOf } from '../../base/array.ts'
import { DATA_CLASSES } from '../../base/dtypes.ts'
import { MediaError } from '../../base/errors.ts'
import { newFrame } from '../../ffmpeg/frames.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { openResampler } from '../../ffmpeg/resampler.ts'
import { type AvSampleFormat, sampleFormatOf } from '../../ffmpeg/sample-formats.ts'
import type { AudioDType } from '../audio-options.ts'
import { type ChannelLayout, defaultLayout, describeLayout, placedLayout } from './sample-format.ts'

/** The target format of a conversion. */
export interface ConvertedFormat {
  readonly sampleRate: number
  /** Number of channels; `undefined` keeps those of the frames. */
  readonly channels: number | undefined
  readonly dtype: AudioDType
  readonly isPlanar: boolean
}

/**
 * Resamples, mixes and converts frames with libswresample. The caller copies the result before the
 * next call.
 */
export class Converter {
  readonly #ffmpeg: FFmpeg
  readonly #to: ConvertedFormat
  readonly channels: number
  readonly #layout: ChannelLayout
  readonly #from: ChannelLayout
  readonly #swr: SoftwareResampleContext
  readonly #key: string
  #out: Frame | undefined
  #capacity = 0
  /** Size of the largest frame that fits, in samples. */
  #largest = 0
  /** Whether frames declare the positions of their channels. */
  readonly #isDescribed: boolean
  #planes: readonly DataOf[AudioDType][] = []

  /** @param first a frame of the same format as all others */
  constructor(ffmpeg: FFmpeg, first: Frame, to: ConvertedFormat) {
    this.#ffmpeg = ffmpeg
    this.#to = to
    const told = describeLayout(first, ffmpeg)
    const isMixed = to.channels !== undefined && to.channels !== told.nbChannels
    if (isMixed && told.mask === 0n) {
      throw new MediaError(
        'ERR_UNSUPPORTED',
        `cannot mix ${told.nbChannels} channels of unknown places`,
      )
    }
    const from = placedLayout(told, ffmpeg)
    this.#isDescribed = from.order === first.channelLayout.order
    this.#from = from
    this.#layout = isMixed ? defaultLayout(to.channels!, ffmpeg) : from
    this.channels = this.#layout.nbChannels
    const { format: fromFormat, sampleRate: fromRate } = first
    const format = sampleFormatOf(ffmpeg, to)
    this.#key = [
      layoutKey(this.#layout),
      format,
      to.sampleRate,
      layoutKey(from),
      fromFormat,
      fromRate,
    ].join()
    this.#swr = openResampler(
      ffmpeg,
      [this.#layout, format, to.sampleRate],
      [from, fromFormat as AvSampleFormat, fromRate],
      takeKept(this.#key),
    )
  }

  /**
   * Adds silence before the first frame, so that samples fall where they would after the whole
   * sound.
   */
  inject(samples: number): void {
    if (samples === 0) return
    this.#largest = 0 // the silence comes out with the next frame
    check(this.#ffmpeg, this.#swr.injectSilence(samples), 'injecting silence')
  }

  /**
   * Converts a frame of `samples`, or flushes at the end. Returns the number of samples per channel
   * that came out in `planes`; `undefined` for a frame of another format than the first, which
   * needs its own converter.
   */
  convert(frame: Frame | null, samples: number): number | undefined {
    if (
      frame !== null &&
      !this.#isDescribed &&
      frame.channelLayout.nbChannels === this.#from.nbChannels
    )
      frame.channelLayout = this.#from
    const out = this.#roomFor(samples)
    out.nbSamples = 0 // as many as fit
    const result = this.#swr.convertFrame(out, frame)
    if (result === this.#ffmpeg.constants.AVERROR_INPUT_CHANGED) return undefined
    check(this.#ffmpeg, result, 'converting samples')
    return out.nbSamples
  }

  /** One array per channel, or one of interleaved samples; longer than their contents. */
  get planes(): readonly DataOf[AudioDType][] {
    return this.#planes
  }

  free(): void {
    keep(this.#key, this.#swr)
    this.#out?.free()
  }

  #roomFor(samples: number): Frame {
    if (this.#out !== undefined && samples > 0 && samples <= this.#largest) return this.#out
    this.#largest = samples
    return this.#room(this.#swr.getOutSamples(samples) + SPARE)
  }

  #room(samples: number): Frame {
    if (this.#out !== undefined && samples <= this.#capacity) return this.#out
    this.#out?.free()
    this.#out = undefined
    this.#capacity = Math.max(samples * 2, LEAST_ROOM)
    const out = newFrame(this.#ffmpeg, {
      format: sampleFormatOf(this.#ffmpeg, this.#to),
      channelLayout: this.#layout,
      sampleRate: this.#to.sampleRate,
      nbSamples: this.#capacity,
    })
    this.#out = out
    const Data = DATA_CLASSES[this.#to.dtype]
    const lanes = this.#to.isPlanar ? this.channels : 1
    this.#planes = (out.extendedData ?? out.data ?? [])
      .slice(0, lanes)
      .map(
        ({ buffer, byteOffset, length }) =>
          new Data(buffer, byteOffset, Math.floor(length / Data.BYTES_PER_ELEMENT)),
      )
    return out
  }
}

const LEAST_ROOM = 8192
/** Samples that a resampler may hold back between frames. */
const SPARE = 1024

/**
 * The last resampler, kept for the next sound of the same format. Building its filter takes as long
 * as decoding half a second; resetting it takes no time.
 */
let kept: { readonly key: string; readonly swr: SoftwareResampleContext } | undefined

function takeKept(key: string): SoftwareResampleContext | undefined {
  if (kept?.key !== key) return undefined
  const { swr } = kept
  kept = undefined
  return swr
}

function keep(key: string, swr: SoftwareResampleContext): void {
  kept?.swr.free()
  kept = { key, swr }
}

function layoutKey({ nbChannels, order, mask }: ChannelLayout): string {
  return `${nbChannels}/${order}/${mask}`
}
