import type { Frame } from 'node-av/lib'
import { MediaError, printValue } from '../../errors.ts'
import type { SyncReader } from '../../file/routine.ts'
import { type FFmpeg, loadFFmpeg } from '../../image/ffmpeg/library.ts'
import { type AudioFault, audioFault, fitSamples, type LoadedAudio } from '../loaded.ts'
import { matroskaFault } from '../matroska.ts'
import { oggFault } from '../ogg.ts'
import type { LiveInput, OpenFile } from '../open-file.ts'
import type { AudioTarget } from '../options.ts'
import { AudioDecoder } from './audio-decoder.ts'
import { Container } from './container.ts'
import { Sound } from './sound.ts'
import { Timeline } from './timeline.ts'

/** Where a window must begin for a seek to be worth it. */
const WORTH_SEEKING_SEC = 3
/**
 * How long before a window decoding begins: MP3 needs up to 511 bytes of frames before, AAC and Vorbis one frame, and Opus, whose decoder
 * converges, 80 ms (RFC 7845, 4.6).
 */
const PREROLL_SEC = 1
/** Of these a time stamp tells the first sample of a packet, in all containers that were tried; of ADPCM in WAV it does not. */
const SEEKABLE = /^(pcm_.*|flac|alac|mp[23]|aac|ac3|opus|vorbis)$/
/** A header's word on the length may be off by priming and padding, in MP4 and Ogg for example. */
const SLACK_SEC = 0.15

/**
 * Decodes the audio of a file with FFmpeg, in this thread. Throws FFmpeg's own error or a `MediaError`, neither of which name the source.
 *
 * @param faults what is known to be wrong with the file already
 */
export function decodeAudio(
  file: OpenFile,
  target: AudioTarget,
  faults: readonly AudioFault[] = [],
): LoadedAudio {
  const ffmpeg = loadFFmpeg()
  return tryDecode(ffmpeg, file, target, faults, true) ?? tryDecode(ffmpeg, file, target, faults, false)!
}

/**
 * The same piece by piece, `samples` a channel each, the last with what is left; before damage is thrown, what came before it is given. Pieces are made as
 * they are asked for.
 */
export function* decodePieces(
  file: OpenFile | LiveInput,
  target: AudioTarget,
  samples: number,
): Generator<LoadedAudio> {
  const ffmpeg = loadFFmpeg()
  for (const maySeek of 'url' in file ? [false] : [true, false]) {
    const container = new Container(ffmpeg, file, { wanted: target.stream })
    const decoding = new Decoding(ffmpeg, container, target, [])
    try {
      const isDone = yield* decoding.pieces('url' in file ? undefined : file.reader, maySeek, samples)
      if (isDone) return
    } finally {
      decoding.free()
      container.close()
    }
  }
}

/** `undefined` where a seek led nowhere. */
function tryDecode(
  ffmpeg: FFmpeg,
  file: OpenFile,
  target: AudioTarget,
  known: readonly AudioFault[],
  maySeek: boolean,
): LoadedAudio | undefined {
  const container = new Container(ffmpeg, file, { wanted: target.stream })
  const decoding = new Decoding(ffmpeg, container, target, [...known])
  try {
    return decoding.run(file.reader, maySeek)
  } finally {
    decoding.free()
    container.close()
  }
}

/** One pass through a container. */
class Decoding {
  readonly #ffmpeg: FFmpeg
  readonly #container: Container
  readonly #target: AudioTarget
  readonly #faults: AudioFault[]
  readonly #decoder: AudioDecoder
  readonly #timeline: Timeline
  #sound: Sound | undefined
  /** Damage before the window is of no concern. */
  #isBeforeWindow: boolean
  #lastFault: Error | undefined

  constructor(ffmpeg: FFmpeg, container: Container, target: AudioTarget, faults: AudioFault[]) {
    this.#ffmpeg = ffmpeg
    this.#container = container
    this.#target = target
    this.#faults = faults
    this.#isBeforeWindow = (target.window?.[0] ?? 0) > 0
    this.#timeline = new Timeline(container.stream.timeBase, ffmpeg.constants.AV_NOPTS_VALUE)
    this.#decoder = new AudioDecoder(ffmpeg, container, (error) => this.#takeFault(error))
  }

  run(reader: SyncReader, maySeek: boolean): LoadedAudio | undefined {
    const steps = this.#steps(reader, maySeek)
    let step = steps.next()
    while (step.done !== true) step = steps.next()
    return step.value === undefined ? undefined : this.#finish(step.value)
  }

  /** Whether all was given: `false` where a seek led nowhere, before the first piece. */
  *pieces(
    reader: SyncReader | undefined,
    maySeek: boolean,
    samples: number,
  ): Generator<LoadedAudio, boolean> {
    const steps = this.#steps(reader, maySeek)
    let failure: { readonly error: unknown } | undefined
    let sound: Sound | undefined
    let isFirst = true
    const piece = function* (this: Decoding, from: Sound, least: number): Generator<LoadedAudio> {
      while (from.count >= least && from.count > 0) {
        isFirst = false
        yield { ...from.shift(Math.min(samples, from.count)), faults: this.#faults.splice(0) }
      }
    }.bind(this)
    for (;;) {
      try {
        const step = steps.next()
        if (step.done === true) {
          if (step.value === undefined) return false
          break
        }
        sound = step.value
      } catch (error) {
        failure = { error }
        break
      }
      yield* piece(sound, samples)
    }
    if (sound !== undefined) {
      if (failure === undefined) sound.end()
      yield* piece(sound, 1)
      if (isFirst && failure === undefined) this.#refuseBehindEnd()
    }
    if (failure !== undefined) throw failure.error
    return true
  }

  /** Decodes frame by frame; gives the sound, or `undefined` where a seek led nowhere. */
  *#steps(reader: SyncReader | undefined, maySeek: boolean): Generator<Sound, Sound | undefined> {
    let isWhole = true
    let frames = this.#decoder.frames()
    for (let step = frames.next(); step.done !== true; step = frames.next()) {
      const frame = step.value
      const samples = frame.nbSamples // asked once: each question goes through N-API
      if (samples === 0) continue
      if (this.#sound === undefined) {
        this.#begin(frame)
        if (maySeek && this.#seek()) {
          frames = this.#decoder.frames()
          continue
        }
      }
      const sound: Sound = this.#sound!
      if (frame.sampleRate !== this.#timeline.sampleRate) this.#timeline.changeRate(frame.sampleRate)
      if (!this.#timeline.place(frame)) return undefined
      if (this.#timeline.hasJustSought && this.#timeline.at > sound.from) return undefined
      this.#take(frame, samples, sound)
      yield sound
      if (sound.isDone) {
        isWhole = false
        break
      }
    }
    const sound = this.#sound
    if (sound === undefined) throw this.#lastFault ?? new Error('has no sound in it')
    if (this.#timeline.isSeeking) return undefined
    if (isWhole && reader !== undefined) this.#checkEnd(reader)
    return sound
  }

  free(): void {
    this.#sound?.free()
    this.#decoder.free()
  }

  #begin(frame: Frame): void {
    const { sampleRate } = frame
    this.#timeline.begin(frame)
    this.#sound = new Sound(this.#ffmpeg, frame, this.#target, this.#expected(sampleRate))
  }

  #take(frame: Frame, samples: number, sound: Sound): void {
    const { at, gap } = this.#timeline
    if (at + samples > sound.from) {
      this.#isBeforeWindow = false
      sound.take(frame, samples, at, gap)
    }
    this.#timeline.advance(samples)
  }

  /** Goes to near the window, where that is far and every time stamp tells a sample. */
  #seek(): boolean {
    const { sampleRate } = this.#timeline
    const far = this.#sound!.from / sampleRate
    const time = this.#timeline.timeOf(this.#sound!.from - PREROLL_SEC * sampleRate)
    const { stream, format } = this.#container
    const codec = this.#ffmpeg.av.avGetCodecName(stream.codecpar.codecId) ?? ''
    // After a seek into the last page of Ogg FLAC, FFmpeg's time stamps are packets too late.
    const isTold = SEEKABLE.test(codec) && !(codec === 'flac' && format.iformat?.name === 'ogg')
    if (far < WORTH_SEEKING_SEC || time === undefined || !isTold) return false
    this.#timeline.isSeeking = true
    // Where it fails the pass ends, without a frame that could be placed, and the next one does not seek.
    return this.#decoder.seek(time) || true
  }

  /** Samples that the whole is likely to have, by the header's word. */
  #expected(sampleRate: number): number {
    const { declared, stream } = this.#container
    const { num, den } = stream.timeBase
    return declared === undefined ? 0 : (Number(declared) * num * sampleRate) / den
  }

  /** Files end too early without a word from FFmpeg. */
  #checkEnd(reader: SyncReader): void {
    const { at, sampleRate } = this.#timeline
    const expected = this.#expected(sampleRate)
    const format = this.#container.format.iformat?.name
    if (at < expected - slackOf(format, sampleRate, expected)) {
      const told = `${round(at / sampleRate)} s of ${round(expected / sampleRate)} s are there`
      this.#takeFault(new Error(`truncated: ${told}`))
      return
    }
    const fault =
      format === 'ogg' ? oggFault(reader) : format?.startsWith('matroska') ? matroskaFault(reader) : undefined
    if (fault !== undefined) this.#takeFault(new Error(fault))
  }

  #takeFault(error: Error): void {
    this.#lastFault = error
    this.#timeline.hasFault = true
    if (error instanceof MediaError && error.code === 'ERR_READ') throw error
    if (this.#isBeforeWindow) return
    if (this.#target.isStrict) throw error
    this.#faults.push(audioFault(error, this.#timeline.at / (this.#timeline.sampleRate || 1)))
  }

  #finish(sound: Sound): LoadedAudio {
    const { dtype, isPlanar, numSamples } = this.#target
    const { data, channels, sampleRate } = sound.finish()
    if (data.length === 0) this.#refuseBehindEnd()
    const fitted = fitSamples(data, dtype, channels, isPlanar, numSamples ?? data.length / channels)
    return { data: fitted, channels, sampleRate, faults: this.#faults }
  }

  #refuseBehindEnd(): void {
    const { window } = this.#target
    const [startSec] = window ?? [0]
    const endSec = this.#timeline.at / this.#timeline.sampleRate
    if (startSec === 0 || startSec < endSec) return
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`window\` must begin before ${round(endSec)} s, where the audio ends, got ${printValue(window)}`,
    )
  }
}

/**
 * By how many samples a header's word on the length may be off. FLAC's is exact, and so is MP3's where it tells the padding (LAME's tag, which makes
 * it no whole number of frames). Of the rest, some writers count the frame that has the header.
 */
function slackOf(format: string | null | undefined, sampleRate: number, expected: number): number {
  if (format === 'flac') return 0
  if (format !== 'mp3') return SLACK_SEC * sampleRate
  const frame = sampleRate < 32000 ? 576 : 1152
  return Math.round(expected) % frame === 0 ? frame : 1
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
