import { isWithin, secondsOf, type TimeBase } from '../frame-rate.ts'
import type { VideoDecoder } from './video-decoder.ts'

/**
 * Largest number of packets in an index: each takes a hundred bytes. It is a day and a half at 60
 * frames per second.
 */
const MOST_PACKETS = 8_000_000

/** A packet with a frame that is shown. */
export interface IndexedPacket {
  /** Its position among all packets of the stream, in the order of the file. */
  readonly place: number
  /** Its own time stamp. */
  readonly pts: number
  readonly isKeyframe: boolean
}

/** The frames of a video, found without decoding any. */
export interface PacketIndex {
  /** The frames, in presentation order. */
  readonly shown: readonly IndexedPacket[]
  /** All keyframes at which decoding can begin, in file order. */
  readonly keyframes: readonly IndexedPacket[]
  /** The time stamp of the first frame. */
  readonly origin: number
}

/**
 * Reads all packets of a container from its beginning: 4 ms for 300 frames of 1280x720, a hundredth
 * of decoding them. `undefined` if packets do not tell when their frames are shown, or if not every
 * packet is a frame.
 *
 * @param decodeHead returns the time stamps of the frames that decoding from the beginning gives
 *   before a frame at a given time
 */
export function indexPackets(
  decoder: VideoDecoder,
  decodeHead: (before: number) => readonly number[],
): PacketIndex | undefined {
  if (!decoder.isFramePerPacket) return undefined
  const { packet } = decoder
  const shown: IndexedPacket[] = []
  const early: IndexedPacket[] = []
  const keyframes: IndexedPacket[] = []
  for (let place = 0; decoder.read(); place++) {
    if (place === MOST_PACKETS) return undefined
    const pts = decoder.ticksOf(packet.pts)
    if (pts === undefined) return undefined
    const { isKeyframe } = packet
    const indexed = { place, pts, isKeyframe }
    if (decoder.isRandomAccess()) keyframes.push(indexed)
    const [first] = keyframes
    if (first === undefined || pts < first.pts) early.push(indexed)
    else if (!decoder.isDiscarded() && decoder.isShown()) shown.push(indexed)
  }
  if (early.length > 0 && !addEarly(early, keyframes, shown, decodeHead)) return undefined
  shown.sort((a, b) => a.pts - b.pts)
  if (shown.length === 0) return undefined
  for (let i = 1; i < shown.length; i++) if (shown[i]!.pts === shown[i - 1]!.pts) return undefined
  return { shown, keyframes, origin: shown[0]!.pts }
}

/**
 * Frames before the first keyframe, such as in a cut stream, may or may not come out of the
 * decoder. Only decoding tells.
 */
function addEarly(
  early: readonly IndexedPacket[],
  keyframes: IndexedPacket[],
  shown: IndexedPacket[],
  decodeHead: (before: number) => readonly number[],
): boolean {
  const [first] = keyframes
  if (first === undefined) return false
  const byTime = new Map(early.map((packet) => [packet.pts, packet]))
  if (byTime.size < early.length) return false
  for (const pts of decodeHead(first.pts)) {
    const packet = byTime.get(pts)
    if (packet === undefined) return false
    shown.push(packet)
  }
  if (shown.some(({ pts }) => pts < first.pts))
    keyframes.unshift({ place: 0, pts: -Infinity, isKeyframe: true })
  return true
}

/** The frames in a window. */
export function framesWithin(
  { shown, origin }: PacketIndex,
  window: readonly [number, number] | undefined,
  timeBase: TimeBase,
): { readonly frames: readonly IndexedPacket[]; readonly timesSec: readonly number[] } {
  const frames: IndexedPacket[] = []
  const timesSec: number[] = []
  for (const packet of shown) {
    const timeSec = secondsOf(packet.pts - origin, timeBase)
    if (!isWithin(timeSec, window)) continue
    frames.push(packet)
    timesSec.push(timeSec)
  }
  return { frames, timesSec }
}

/**
 * Packets that are decoded consecutively, from a keyframe on, and the frames of them that are
 * wanted.
 */
export interface DecodeRun {
  readonly keyframe: IndexedPacket
  /** Position of the last packet. */
  last: number
  /** Time stamps of the wanted frames. */
  readonly wanted: Set<number>
}

/**
 * The packets to decode for some frames: from the last keyframe before each, both in the file and
 * in time, to its own packet. Overlapping runs are merged.
 */
export function runsFor({ keyframes }: PacketIndex, frames: Iterable<IndexedPacket>): DecodeRun[] {
  const byPlace = [...frames].sort((a, b) => a.place - b.place)
  const runs: DecodeRun[] = []
  for (const frame of byPlace) {
    const keyframe = keyframeOf(keyframes, frame)
    const run = runs.at(-1)
    if (run !== undefined && keyframe.place <= run.last) {
      run.last = Math.max(run.last, frame.place)
      run.wanted.add(frame.pts)
    } else runs.push({ keyframe, last: frame.place, wanted: new Set([frame.pts]) })
  }
  return runs
}

/**
 * Frames of an open group of pictures follow a keyframe that is shown after them: they need the
 * keyframe before it.
 */
function keyframeOf(keyframes: readonly IndexedPacket[], frame: IndexedPacket): IndexedPacket {
  let [low, high] = [0, keyframes.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (keyframes[middle]!.place <= frame.place) low = middle + 1
    else high = middle
  }
  for (let i = low - 1; i > 0; i--) if (keyframes[i]!.pts <= frame.pts) return keyframes[i]!
  return keyframes[0]!
}
