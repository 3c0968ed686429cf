import type { Frame } from 'node-av/lib'
import type { DataOf } from '../base/array.ts'
import type { ThreadContext } from '../base/thread-context.ts'
import { type FFmpeg, loadFFmpeg } from '../ffmpeg/library.ts'
import { checkBytes, checkFrames } from '../ffmpeg/video-limits.ts'
import { type OpenFile, withFile } from '../files/open-file.ts'
import {
  bytesPer,
  type ImageDType,
  imageArray,
  imageShape,
  product,
} from '../image/pixel-format.ts'
import { type FramePlace, placeOf, type VideoTask } from './destination.ts'
import { framesWithin, type PacketIndex, runsFor } from './ffmpeg/packet-index.ts'
import { FramePlacer } from './ffmpeg/placer.ts'
import { type DecodedFrame, VideoPass } from './ffmpeg/video-pass.ts'
import { isWithin, secondsOf } from './frame-rate.ts'
import { framesOf, type Selection } from './sampling.ts'
import type { VideoTarget } from './video-options.ts'
import { type VideoFault, type VideoResult, videoFault } from './video-results.ts'

/** What `sampleVideo` is asked for. */
export interface SampleTarget extends VideoTarget {
  readonly selection: Selection
  readonly isShared: boolean
}

/** The frames that are asked for: their times in the file, and where in the result each goes. */
interface Wish {
  readonly timesSec: readonly number[]
  /** For each frame that is wanted, by its number in the window: its places. */
  readonly places: ReadonlyMap<number, readonly number[]>
  readonly count: number
}

/** Samples frames of a video in this thread. Throws errors that do not name the source. */
export function sampleVideoInThread(
  task: VideoTask<SampleTarget>,
  context: ThreadContext,
): VideoResult {
  const { source, target } = task
  const place = placeOf(task, context)
  const ffmpeg = loadFFmpeg()
  return withFile(
    source,
    (file) =>
      sampleByIndex(ffmpeg, file, target, place) ?? sampleByDecoding(ffmpeg, file, target, place),
  )
}

/** Decodes only what is needed. `undefined` where packets do not tell what frames there are. */
function sampleByIndex(
  ffmpeg: FFmpeg,
  file: OpenFile,
  target: SampleTarget,
  place: FramePlace,
): VideoResult | undefined {
  const pass = new VideoPass(ffmpeg, file, target, place.checkWanted)
  try {
    const index: PacketIndex | undefined = pass.index()
    if (index === undefined) return undefined
    const { frames, timesSec } = framesWithin(index, target.window, pass.timeBase)
    const isKeyframe = frames.map((frame) => frame.isKeyframe)
    const wish = wishFor(target.selection, timesSec, isKeyframe)
    const runs = runsFor(
      index,
      [...wish.places.keys()].map((number) => frames[number]!),
    )
    const numbers = new Map([...wish.places.keys()].map((number) => [frames[number]!.pts, number]))
    const picked = pick(
      ffmpeg,
      pass,
      target,
      place,
      wish,
      pass.decodeRuns(index, runs),
      ({ ticks }) => numbers.get(ticks + index.origin),
    )
    // Packets of VP8 may hold no frame that is shown: then they are no index.
    return picked.missing.length > 0 && pass.faults.length === 0
      ? undefined
      : picked.finish(pass.faults)
  } finally {
    pass.free()
  }
}

/** Decodes all, once to know what frames there are, and once more to pick. */
function sampleByDecoding(
  ffmpeg: FFmpeg,
  file: OpenFile,
  target: SampleTarget,
  place: FramePlace,
): VideoResult {
  const timesSec: number[] = []
  const isKeyframe: boolean[] = []
  const first = new VideoPass(ffmpeg, file, target, place.checkWanted)
  try {
    for (const { frame, ticks } of first.frames(0)) {
      place.checkWanted()
      const timeSec = secondsOf(ticks, first.timeBase)
      if (!isWithin(timeSec, target.window)) continue
      timesSec.push(timeSec)
      isKeyframe.push(frame.keyFrame !== 0)
    }
  } finally {
    first.free()
  }
  const wish = wishFor(target.selection, timesSec, isKeyframe)
  const second = new VideoPass(ffmpeg, file, target, place.checkWanted)
  try {
    let number = 0
    const picked = pick(ffmpeg, second, target, place, wish, second.frames(0), ({ ticks }) =>
      isWithin(secondsOf(ticks, second.timeBase), target.window) ? number++ : undefined,
    )
    return picked.finish(second.faults)
  } finally {
    second.free()
  }
}

function wishFor(
  selection: Selection,
  timesSec: readonly number[],
  isKeyframe: readonly boolean[],
): Wish {
  const numbers = framesOf(selection, { timesSec, isKeyframe })
  const places = new Map<number, number[]>()
  for (const [place, number] of numbers.entries()) {
    const known = places.get(number)
    if (known === undefined) places.set(number, [place])
    else known.push(place)
  }
  return { timesSec, places, count: numbers.length }
}

/** Frames in their places, and the numbers of those that did not come. */
interface Picked {
  readonly missing: readonly number[]
  finish(faults: readonly VideoFault[]): VideoResult
}

function pick(
  ffmpeg: FFmpeg,
  pass: VideoPass,
  target: SampleTarget,
  { allocate, into, checkWanted }: FramePlace,
  wish: Wish,
  frames: Iterable<DecodedFrame>,
  numberOf: (decoded: DecodedFrame) => number | undefined,
): Picked {
  const { image, selection, limits } = target
  checkFrames(wish.count, limits)
  const { dtype, pixelFormat, layout } = image
  const timestampsSec = new Float64Array(wish.count)
  const isKeyframe = new Uint8Array(wish.count)
  const missing = new Set(wish.places.keys())
  let placer: FramePlacer | undefined
  let size = 0
  let data: DataOf[ImageDType] | undefined
  const at = (place: number): DataOf[ImageDType] =>
    data!.subarray(place * size, (place + 1) * size) as DataOf[ImageDType]
  const begin = (frame: Frame): FramePlacer => {
    const made = new FramePlacer(ffmpeg, frame, image, pass.orientation)
    size = product(imageShape(pixelFormat, layout, made.output))
    const length = wish.count * size
    if (into === undefined) checkBytes(length * bytesPer(dtype), `${wish.count} frames`, limits)
    data = into ?? imageArray(dtype, length, allocate(length * bytesPer(dtype)))
    return made
  }
  try {
    for (const decoded of frames) {
      checkWanted()
      const number = numberOf(decoded)
      if (number === undefined || !missing.delete(number)) continue
      placer ??= begin(decoded.frame)
      const [first, ...others] = wish.places.get(number)!
      placer.place(decoded.frame, at(first!))
      for (const other of others) at(other).set(at(first!) as never)
      for (const place of [first!, ...others]) {
        timestampsSec[place] = wish.timesSec[number]!
        isKeyframe[place] = decoded.frame.keyFrame !== 0 ? 1 : 0
      }
      if (missing.size === 0) break
    }
  } finally {
    placer?.free()
  }
  const clips = selection.kind === 'clips' ? [selection.count, selection.length] : [wish.count]
  return {
    missing: [...missing],
    finish(faults) {
      if (placer === undefined || data === undefined)
        throw new Error('none of the frames can be decoded')
      const gaps = fillGaps(wish, missing, at, timestampsSec)
      return {
        ...{ data, dtype, timestampsSec, isKeyframe, isPlanar: layout === 'CHW' },
        shape: [...clips, ...imageShape(pixelFormat, layout, placer.output)],
        frameRate: pass.frameRate,
        faults: [...faults, ...gaps],
      }
    },
  }
}

/** Frames that could not be decoded show the one before, or else the first after. */
function fillGaps(
  wish: Wish,
  missing: ReadonlySet<number>,
  at: (place: number) => DataOf[ImageDType],
  timestampsSec: Float64Array,
): VideoFault[] {
  if (missing.size === 0) return []
  const there = [...wish.places.keys()]
    .filter((number) => !missing.has(number))
    .sort((a, b) => a - b)
  return [...missing].map((number) => {
    const near = there.findLast((other) => other < number) ?? there[0]!
    for (const place of wish.places.get(number)!) {
      at(place).set(at(wish.places.get(near)![0]!) as never)
      timestampsSec[place] = wish.timesSec[near]!
    }
    return videoFault(new Error('the frame could not be decoded'), wish.timesSec[number]!)
  })
}
