import type { Frame } from 'node-av/lib'
import { newFrame } from '../../ffmpeg/frames.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import { sampleFormatOf } from '../../ffmpeg/sample-formats.ts'
import { runSync, type SyncReader } from '../../files/routine.ts'
import type { WavHeader } from '../../formats/wav/wav-header.ts'
import { decodeSamples, nativeDType } from '../../formats/wav/wav-samples.ts'
import type { AudioTarget } from '../audio-options.ts'
import type { AudioFault } from '../audio-results.ts'
import { wavFaults } from '../plain-wav.ts'
import type { Pass } from './pass.ts'
import { type ChannelLayout, layoutOf } from './sample-format.ts'
import { Sound } from './sound.ts'

/** Number of source samples that go through the resampler at a time; about as many come out. */
const SAMPLES = 8192

/**
 * Reads the samples of a WAV file and lets FFmpeg resample and mix them. FFmpeg does not see the
 * file. So sizes that were never filled in and big-endian samples are handled alike in all calls,
 * only the wanted samples are read, and nothing is decoded before a window.
 */
export class WavPass implements Pass {
  readonly faults: AudioFault[] = []
  readonly #header: WavHeader
  readonly #reader: SyncReader
  readonly #sound: Sound
  readonly #frame: Frame
  /** Capacity of the frame, in samples. */
  readonly #room: number
  #at = 0

  constructor(
    ffmpeg: FFmpeg,
    header: WavHeader,
    reader: SyncReader,
    target: AudioTarget,
    samplesPerPiece: number,
  ) {
    this.#header = header
    this.#reader = reader
    const { sampleRate, numSamples } = header
    // With a hostile header, one sample may become many.
    const ratio = sampleRate / (target.sampleRate ?? sampleRate)
    this.#room = Math.max(1, Math.floor(Math.min(SAMPLES, SAMPLES * ratio)))
    this.#frame = frameOf(ffmpeg, header, this.#room)
    try {
      this.#sound = new Sound(ffmpeg, this.#frame, target, {
        expected: numSamples,
        samplesPerPiece,
      })
    } catch (error) {
      this.#frame.free()
      throw error
    }
  }

  get atSec(): number {
    return this.#at / this.#header.sampleRate
  }

  *steps(): Generator<Sound, Sound> {
    const { numSamples } = this.#header
    const lane = this.#frame.data![0]!
    this.#at = Math.min(this.#sound.from, numSamples)
    while (this.#at < numSamples && !this.#sound.isDone) {
      const count = Math.min(this.#room, numSamples - this.#at)
      lane.set(this.#read(count))
      this.#frame.nbSamples = count
      this.#sound.take(this.#frame, count, this.#at, 0)
      this.#at += count
      yield this.#sound
    }
    if (!this.#sound.isDone) this.faults.push(...wavFaults(this.#header, this.#at))
    return this.#sound
  }

  free(): void {
    this.#sound.free()
    this.#frame.free()
  }

  #read(count: number): Uint8Array {
    const { dataOffset, blockAlign } = this.#header
    const bytes = this.#reader.read(dataOffset + this.#at * blockAlign, count * blockAlign)
    const samples = runSync(
      decodeSamples(this.#header, bytes, nativeDType(this.#header), false),
      {},
    )
    return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
  }
}

/** A frame of interleaved samples with a capacity of `samples` per channel. */
function frameOf(ffmpeg: FFmpeg, header: WavHeader, samples: number): Frame {
  return newFrame(ffmpeg, {
    format: sampleFormatOf(ffmpeg, { dtype: nativeDType(header), isPlanar: false }),
    sampleRate: header.sampleRate,
    channelLayout: channelLayout(header, ffmpeg),
    nbSamples: samples,
  })
}

/** The channel layout of the header, if it gives a position for each channel. */
function channelLayout({ channels, channelMask }: WavHeader, ffmpeg: FFmpeg): ChannelLayout {
  let told = 0
  for (let mask = channelMask; mask !== 0; mask = (mask & (mask - 1)) >>> 0) told++
  return layoutOf(channels, told === channels ? BigInt(channelMask) : 0n, ffmpeg)
}
