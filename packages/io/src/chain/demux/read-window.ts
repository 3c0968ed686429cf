import { isRandomAccess, unitFormatOf } from '../../ffmpeg/random-access.ts'
import type { PacketData } from '../packets/blob.ts'
import type { StreamInfo } from '../stream-info.ts'
import { firstTick, type TickWindow, type TimeWindow, ticksOf } from '../time.ts'

/** The parts of a container with one selected stream that a window needs. */
export interface SeekableStream {
  /** FFmpeg's names of the format. */
  readonly formats: string
  /** Whether a seek to a time works. */
  readonly isInOrder: boolean
  /** Goes to the beginning. */
  readonly rewind: () => void
  /**
   * Seeks to a keyframe at or before a tick, by the container's index. Returns whether that
   * succeeded.
   */
  readonly seek: (tick: bigint) => boolean
  readonly read: () => PacketData | undefined
}

/** Formats that store decoding times; in others FFmpeg guesses them. */
const STORES_DTS: ReadonlySet<string> = new Set([
  'mov',
  'mpegts',
  'mpeg',
  'flv',
  'nut',
  'avi',
  'asf',
])
/** Number of pictures that a codec may reorder: H.264 and HEVC have 16. */
const MOST_REORDERED = 16
/** Number of attempts to find an earlier keyframe before it reads from the beginning. */
const MOST_SEEKS = 4
/**
 * Seconds before a window at which decoding of lossy sound begins, so that the window has the
 * samples of the whole.
 */
const PREROLL_SEC = 1

const KEY_FLAG = 1

/**
 * Reads the packets that a window needs. For video, it reads from the last keyframe that is shown
 * at or before the start to the last packet that is shown in the window. No margin is guessed: if
 * the container stores decoding times, no packet that is decoded at or after the end of the window
 * can be shown in it.
 */
export function readWindow(
  container: SeekableStream,
  stream: StreamInfo,
  window: TimeWindow,
): PacketData[] {
  const ticks = ticksOf(window, stream.timeBase)
  if (ticks.end !== undefined && ticks.start >= ticks.end) return []
  if (!container.isInOrder) return readAll(container)
  const isKey = keyTest(stream)
  const first =
    stream.kind === 'video'
      ? seekKeyframe(container, ticks.start, isKey)
      : seekSound(container, stream, ticks.start)
  const packets = first === undefined ? [] : readToEnd(container, stream, first, ticks)
  return stream.kind === 'video' ? onlyNeeded(packets, ticks, isKey) : upToLast(packets, ticks)
}

/** Reads everything; the decoder selects the window. */
function readAll(container: SeekableStream): PacketData[] {
  container.rewind()
  const packets: PacketData[] = []
  for (let packet = container.read(); packet !== undefined; packet = container.read())
    packets.push(packet)
  return packets
}

/** The keyframe at which decoding must begin. */
function seekKeyframe(
  container: SeekableStream,
  start: bigint,
  isKey: KeyTest,
): PacketData | undefined {
  let target = start
  let before: bigint | undefined
  for (let i = 0; i < MOST_SEEKS && container.seek(target); i++) {
    const packet = container.read()
    if (packet === undefined) break
    const shown = packet.pts ?? packet.dts
    if (shown === undefined) break
    if (shownAtLatest(packet) <= start && isKey(packet)) return packet
    const decoded = packet.dts ?? shown
    // The same one again: there is no earlier one.
    if (before === decoded) break
    before = decoded
    if (decoded < target) target = decoded
    target -= 1n
  }
  container.rewind()
  return container.read()
}

function seekSound(
  container: SeekableStream,
  { codec, timeBase }: StreamInfo,
  start: bigint,
): PacketData | undefined {
  const isExact = codec.startsWith('pcm_') || codec === 'flac'
  const target = start - (isExact ? 0n : firstTick(PREROLL_SEC, timeBase))
  if (!container.seek(target)) container.rewind()
  const packet = container.read()
  if (packet !== undefined && (packet.pts ?? packet.dts ?? start) <= start) return packet
  container.rewind()
  return container.read()
}

function readToEnd(
  container: SeekableStream,
  stream: StreamInfo,
  first: PacketData,
  { end }: TickWindow,
): PacketData[] {
  const storesDts = container.formats.split(',').some((name) => STORES_DTS.has(name))
  const packets = [first]
  let behind = 0
  for (let packet = container.read(); packet !== undefined; packet = container.read()) {
    packets.push(packet)
    if (end === undefined) continue
    const shown = packet.pts ?? packet.dts
    behind = shown !== undefined && shown >= end ? behind + 1 : 0
    if (behind === 0) continue
    if (stream.kind !== 'video' || behind > MOST_REORDERED) break
    if (storesDts && packet.dts !== undefined && packet.dts >= end) break
  }
  return packets
}

/**
 * Keeps the packets from the last keyframe that is early enough, without the leading pictures of an
 * open group, which need the group before.
 */
function onlyNeeded(packets: PacketData[], ticks: TickWindow, isKey: KeyTest): PacketData[] {
  const begin = packets.findLastIndex(
    (packet) => shownAtLatest(packet) <= ticks.start && isKey(packet),
  )
  if (begin < 0) return upToLast(packets, ticks)
  const from = packets[begin]!.pts
  const isDecodable = ({ pts }: PacketData): boolean =>
    pts === undefined || from === undefined || pts >= from
  return upToLast(packets.slice(begin).filter(isDecodable), ticks)
}

/** The time of a picture; if it is unknown (AVI), the latest possible time. */
function shownAtLatest({ pts, dts, duration }: PacketData): bigint {
  if (pts !== undefined) return pts
  return (dts ?? 0n) + BigInt(MOST_REORDERED) * (duration > 0n ? duration : 1n)
}

function upToLast(packets: PacketData[], { start, end }: TickWindow): PacketData[] {
  // Without time stamps, later pictures tell when earlier ones are shown.
  if (packets.some(({ pts }) => pts === undefined)) return packets
  const last = packets.findLastIndex(({ pts, dts, duration }) => {
    const shown = pts ?? dts
    if (shown === undefined) return true
    return (end === undefined || shown < end) && shown + (duration > 0n ? duration : 1n) > start
  })
  return packets.slice(0, last + 1)
}

type KeyTest = (packet: PacketData) => boolean

/** Whether decoding can begin at a packet of a stream. */
function keyTest({ codec, parameters }: StreamInfo): KeyTest {
  const units = unitFormatOf(codec, parameters.extraData ?? null)
  return ({ flags, data }) =>
    (flags & KEY_FLAG) !== 0 && (units === undefined || isRandomAccess(units, data))
}
