import type { Frame as AvFrame, FilterGraph as AvGraph, FilterContext } from 'node-av/lib'
import { integer, is, type Rules } from 'spindle/options'
import { badOption, MediaError } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { buildGraph } from '../../ffmpeg/build-graph.ts'
import { emptyFrame } from '../../ffmpeg/frames.ts'
import { type FFmpeg, loadFFmpeg, problemOf } from '../../ffmpeg/library.ts'
import { Frames } from '../frames/frames.ts'
import { Handle } from '../handle.ts'
import { type Rational, rateRule } from '../time.ts'
import { type OpenEnd, type ScannedGraph, scanGraph } from './description.ts'

/** Options of `FilterGraph`. */
export interface FilterGraphOptions {
  /** Threads of its filters, an integer from 1 to 64. Default 1. */
  readonly threads?: number
  /** Pictures per second of inputs, by label, for filters that need it. Default: unknown. */
  readonly frameRates?: Readonly<Record<string, Rational>>
}

const isRate = (rate: unknown): boolean => rateRule.problem(rate, 'frameRates') === undefined

const graphOptions = mediaOptions('FilterGraphOptions', {
  threads: integer({ min: 1, max: 64, default: 1 }),
  frameRates: is(
    'an object of { num, den } by label',
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.values(value).every((rate) => typeof rate === 'object' && isRate(rate)),
  ),
} satisfies Rules<FilterGraphOptions>)

/**
 * A graph of FFmpeg's filters, with any number of inputs and outputs, for pictures and sound.
 * `filters` has typed builders for descriptions; any text of FFmpeg's syntax works. The first
 * frames of each input define its format, so the graph is built when all inputs have had frames.
 * Frames that you push stay yours. Frames that you pull are yours too.
 *
 * States: `waiting` for the first frames, `built`, and `closed` by `[Symbol.dispose]()`. `flush()`
 * ends an input for good.
 *
 * @throws MediaError from the constructor: `ERR_BAD_OPTION` for unknown filters,
 *   `ERR_BACKEND_MISSING`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { FilterGraph, Frames, filters } from '@spindle/io/media'
 *
 * const { chain, hflip, scale } = filters
 * const clip = { data: new Uint8Array(2 * 48), dtype: 'uint8', shape: [2, 4, 4, 3] } as const
 * const graph = new FilterGraph(chain(scale({ width: 8, height: 2 }), hflip()))
 * const [from, to] = [Frames.fromVideo(clip, { frameRate: 25 }), []]
 * const frames = graph.run(from)
 * assert.deepEqual(frames.toArray().shape, [2, 2, 8, 3])
 * for (const one of [from, frames, graph]) one[Symbol.dispose]()
 * ```
 */
export class FilterGraph implements Disposable {
  /** The description that it was made from. */
  readonly description: string
  /** The inputs, with their labels. */
  readonly inputs: readonly OpenEnd[]
  /** The outputs, with their labels. */
  readonly outputs: readonly OpenEnd[]
  readonly #ffmpeg: FFmpeg
  readonly #scanned: ScannedGraph
  readonly #options: FilterGraphOptions
  readonly #handle: Handle
  /** Frames that arrived before the graph was built, by input; `null` is the end of the input. */
  readonly #waiting = new Map<string, (AvFrame | null)[]>()
  /** Format of the first frame of each input. */
  readonly #looks = new Map<string, string>()
  #graph: AvGraph | undefined
  readonly #sources = new Map<string, FilterContext>()
  readonly #sinks = new Map<string, FilterContext>()

  constructor(description: string, options: FilterGraphOptions = {}) {
    if (typeof description !== 'string' || description.trim() === '')
      throw badOption('description', 'a filter graph', description)
    graphOptions.check(options)
    this.#ffmpeg = loadFFmpeg()
    this.#scanned = scanGraph(this.#ffmpeg, description)
    this.#options = options
    this.description = description
    this.inputs = this.#scanned.inputs
    this.outputs = this.#scanned.outputs
    for (const { label } of this.inputs) this.#waiting.set(label, [])
    this.#handle = new Handle('FilterGraph', () => {
      for (const frame of [...this.#waiting.values()].flat()) frame?.free()
      this.#waiting.clear()
      this.#graph?.free()
    })
    if (this.inputs.length === 0) this.#build()
  }

  /**
   * Pushes frames into an input. A graph with several inputs needs its name.
   *
   * @throws MediaError `ERR_BAD_OPTION` for an unknown input, for frames that differ from the
   *   first, or for frames that the filters cannot take
   */
  push(frames: Frames, input?: string): void {
    this.#handle.check()
    const label = this.#end(this.inputs, input, 'input')
    for (const frame of frames.borrow()) this.#add(label, frame)
    this.#buildWhenReady()
  }

  /** Ends an input; without a name, all inputs. */
  flush(input?: string): void {
    this.#handle.check()
    const labels =
      input === undefined
        ? this.inputs.map(({ label }) => label)
        : [this.#end(this.inputs, input, 'input')]
    for (const label of labels) this.#add(label, null)
    this.#buildWhenReady()
  }

  /**
   * Returns the frames that an output has ready, if any. A graph with several outputs needs its
   * name.
   */
  pull(output?: string): Frames {
    this.#handle.check()
    const label = this.#end(this.outputs, output, 'output')
    const sink = this.#sinks.get(label)
    const frames: AvFrame[] = []
    if (sink === undefined) return new Frames(frames)
    const { constants: c } = this.#ffmpeg
    const timeBase = sink.buffersinkGetTimeBase()
    for (;;) {
      const frame = emptyFrame(this.#ffmpeg)
      const result = sink.buffersinkGetFrameSync(frame)
      if (result >= 0) {
        frame.timeBase = timeBase
        frames.push(frame)
        continue
      }
      frame.free()
      if (result === c.AVERROR_EAGAIN || result === c.AVERROR_EOF) return new Frames(frames)
      for (const other of frames) other.free()
      throw this.#fault(result, 'filtering')
    }
  }

  /** Filters frames that are complete, in a graph with one input and one output. */
  run(frames: Frames): Frames {
    this.push(frames)
    this.flush()
    return this.pull()
  }

  /** The graph as FFmpeg has built it, with formats and sizes; empty before that. */
  describe(): string {
    this.#handle.check()
    return this.#graph?.dump() ?? ''
  }

  /** Frees the graph. Its frames stay valid. */
  [Symbol.dispose](): void {
    this.#handle.close()
  }

  #add(label: string, frame: AvFrame | null): void {
    if (frame !== null) this.#checkAlike(label, frame)
    const source = this.#sources.get(label)
    if (source === undefined) {
      this.#waiting.get(label)!.push(frame === null ? null : frame.clone())
      return
    }
    const { constants: c } = this.#ffmpeg
    const result = source.buffersrcAddFrameSync(frame, c.AV_BUFFERSRC_FLAG_KEEP_REF)
    if (result < 0 && !(frame === null && result === c.AVERROR_EOF))
      throw this.#fault(result, `giving a frame to ${label}`)
  }

  /**
   * Refuses frames that differ from the first: filters would read their memory as if they were
   * alike.
   */
  #checkAlike(label: string, frame: AvFrame): void {
    const looks = describeLooks(this.#ffmpeg, frame)
    const first = this.#looks.get(label)
    if (first === undefined) this.#looks.set(label, looks)
    else if (first !== looks)
      throw badOption(`frames of ${label}`, `like the first, ${first}`, looks)
  }

  #buildWhenReady(): void {
    if (this.#graph !== undefined) return
    const lists = [...this.#waiting.values()]
    if (lists.some((list) => list.length === 0)) return
    // An input that ended without frames has no format.
    const empty = [...this.#waiting].find(([, list]) => list[0] === null)
    if (empty !== undefined) {
      if (this.inputs.length === 1) return
      throw new MediaError(
        'ERR_BAD_STATE',
        `the input ${empty[0]} of the filter graph ended without a frame`,
      )
    }
    this.#build()
    for (const [label, list] of this.#waiting) {
      for (const frame of list) {
        this.#add(label, frame)
        frame?.free()
      }
      list.length = 0
    }
  }

  #build(): void {
    // The description also makes the ends: node-av's own way does not link several of them.
    const text = [
      ...this.inputs.map(({ label, kind }) => `${this.#source(label, kind)}[${label}]`),
      this.#scanned.text,
      ...this.outputs.map(({ label, kind }) => `[${label}]${sinkName(label, kind)}`),
    ].join(';')
    let graph: AvGraph
    try {
      graph = buildGraph(this.#ffmpeg, text, this.#options.threads ?? 1)
    } catch (error) {
      throw this.#faulty((error as Error).message)
    }
    for (const { label, kind } of this.inputs)
      this.#sources.set(label, graph.getFilter(sourceName(label, kind))!)
    for (const { label, kind } of this.outputs)
      this.#sinks.set(label, graph.getFilter(sinkName(label, kind))!)
    this.#graph = graph
  }

  /** The filter of an input, with the format of its first frame. */
  #source(label: string, kind: OpenEnd['kind']): string {
    const frame = this.#waiting.get(label)![0]!
    const isAudio = frame.width === 0
    if (isAudio !== (kind === 'audio')) {
      const [wanted, given] = isAudio ? ['pictures', 'sound'] : ['sound', 'pictures']
      throw badOption(`frames of ${label}`, wanted, given)
    }
    const rate = this.#options.frameRates?.[label]
    const facts = isAudio ? soundArguments(this.#ffmpeg, frame) : pictureArguments(frame, rate)
    return `${sourceName(label, kind)}=${facts}`
  }

  #end(ends: readonly OpenEnd[], wanted: string | undefined, name: 'input' | 'output'): string {
    const found =
      wanted === undefined && ends.length === 1
        ? ends[0]
        : ends.find(({ label }) => label === wanted)
    if (found !== undefined) return found.label
    throw badOption(
      name,
      ends.length === 0
        ? 'left out: the graph has none'
        : `one of ${ends.map(({ label }) => label).join(', ')}`,
      wanted,
    )
  }

  #fault(result: number, doing: string): MediaError {
    return this.#faulty(problemOf(this.#ffmpeg, result, doing))
  }

  #faulty(problem: string): MediaError {
    return new MediaError('ERR_BAD_OPTION', `filter graph "${this.description}": ${problem}`)
  }
}

function describeLooks({ av }: FFmpeg, frame: AvFrame): string {
  const { width, height, format, sampleRate, channelLayout } = frame
  if (width > 0) return `${width}x${height} ${av.avGetPixFmtName(format as never)}`
  return `${sampleRate} Hz, ${channelLayout.nbChannels} channels, ${av.avGetSampleFmtName(format as never)}`
}

function sourceName(label: string, kind: OpenEnd['kind']): string {
  return `${kind === 'audio' ? 'abuffer' : 'buffer'}@source_${label}`
}

function sinkName(label: string, kind: OpenEnd['kind']): string {
  return `${kind === 'audio' ? 'abuffersink' : 'buffersink'}@sink_${label}`
}

function pictureArguments(frame: AvFrame, rate: Rational | undefined): string {
  const {
    width,
    height,
    format,
    timeBase,
    sampleAspectRatio: pixel,
    colorSpace,
    colorRange,
  } = frame
  const aspect = pixel.num > 0 ? `${pixel.num}/${pixel.den}` : '1/1'
  const base = `video_size=${width}x${height}:pix_fmt=${format}:time_base=${timeBase.num}/${timeBase.den}:pixel_aspect=${aspect}`
  const colours = `:colorspace=${colorSpace}:range=${colorRange}`
  return base + colours + (rate === undefined ? '' : `:frame_rate=${rate.num}/${rate.den}`)
}

function soundArguments(ffmpeg: FFmpeg, frame: AvFrame): string {
  const { av } = ffmpeg
  const { sampleRate, format, timeBase, channelLayout } = frame
  const known =
    channelLayout.order === 0 ? av.avChannelLayoutDefault(channelLayout.nbChannels) : channelLayout
  if (channelLayout.order === 0) frame.channelLayout = known
  const name = av.avGetSampleFmtName(format as never)
  const layout = av.avChannelLayoutDescribe(known)
  return `sample_rate=${sampleRate}:sample_fmt=${name}:channel_layout='${layout}':time_base=${timeBase.num}/${timeBase.den}`
}
