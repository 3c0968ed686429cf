import type { Frame as AvFrame, FilterGraph as AvGraph, FilterContext } from 'node-av/lib'
import { integer, object, type Rules } from 'spindle/options'
import { badOption, MediaError } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { buildGraph } from '../../ffmpeg/build-graph.ts'
import { emptyFrame } from '../../ffmpeg/frames.ts'
import { type FFmpeg, loadFFmpeg, problemOf } from '../../ffmpeg/library.ts'
import { Frames } from '../frames/frames.ts'
import { Handle } from '../handle.ts'
import type { Rational } from '../time.ts'
import { type OpenEnd, type ScannedGraph, scanGraph } from './description.ts'

/** How a graph runs. */
export interface FilterGraphOptions {
  /** Threads of its filters, 1 to 64. Default 1. */
  readonly threads?: number
  /** Pictures a second of inputs, for filters that ask: by label. Default: unknown. */
  readonly frameRates?: Readonly<Record<string, Rational>>
}

const graphOptions = mediaOptions('FilterGraphOptions', {
  threads: integer({ min: 1, max: 64, default: 1 }),
  frameRates: object(),
} satisfies Rules<FilterGraphOptions>)

/**
 * A graph of FFmpeg's filters, from any number of inputs to any number of outputs, of pictures and
 * sound. `filters` has typed builders for descriptions; any text that FFmpeg takes will do. What
 * frames are like, the graph learns from the first that each input gets: it is built when all
 * inputs have had some. Frames that are pushed stay the caller's; those that are pulled are the
 * caller's too.
 *
 * States: `waiting` for the first frames, `built`, `closed` by `[Symbol.dispose]()`; `flush()` ends
 * an input for good.
 *
 * @throws MediaError from the constructor: `ERR_BAD_OPTION` for filters that there are not,
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
  /** What it was made of. */
  readonly description: string
  readonly inputs: readonly OpenEnd[]
  readonly outputs: readonly OpenEnd[]
  readonly #ffmpeg: FFmpeg
  readonly #scanned: ScannedGraph
  readonly #options: FilterGraphOptions
  readonly #handle: Handle
  /** Frames that came before the graph could be built, by input; `null` is its end. */
  readonly #waiting = new Map<string, (AvFrame | null)[]>()
  /** What the first frame of each input was like. */
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
   * Gives frames to an input; of a graph with several it must be named.
   *
   * @throws MediaError `ERR_BAD_OPTION` for an input that there is not, for frames that are unlike
   *   the first, or that the filters cannot take
   */
  push(frames: Frames, input?: string): void {
    this.#handle.check()
    const label = this.#end(this.inputs, input, 'input')
    for (const frame of frames.borrow()) this.#add(label, frame)
    this.#buildWhenReady()
  }

  /** Tells an input that nothing more comes; without a name, all of them. */
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
   * The frames that an output has by now; they may be none. Of a graph with several it must be
   * named.
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

  /** All that comes of frames that are all there are, in a graph of one input and one output. */
  run(frames: Frames): Frames {
    this.push(frames)
    this.flush()
    return this.pull()
  }

  /** The graph as FFmpeg has built it, with formats and sizes; empty before it is. */
  describe(): string {
    this.#handle.check()
    return this.#graph?.dump() ?? ''
  }

  /** Frees the graph. Frames that it gave stay. */
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

  /** Filters read the memory of a frame as if it were like the first. */
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
    // An input that ended before it began has nothing that says what it is like.
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
    // Ends are made by the description too: what node-av has for several of them does not link
    // them all.
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

  /** The filter that stands for an input, with what its first frame is like. */
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
