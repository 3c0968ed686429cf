import type { VideoDecoder } from './video-decoder.ts'

/** Number of packets that are searched for the first shown frame: more than any codec reorders. */
const MOST_REORDERED = 64
/** Number of packets that are searched for a keyframe, if a container seeks to any packet. */
const MOST_BEFORE_KEY = 1000
const MOST_TRIES = 8

/**
 * The time stamp of the first shown frame, found without decoding, from a container at its
 * beginning. `undefined` if packets do not tell: without time stamps, or if the first ones may need
 * others that are missing.
 */
export function findOrigin(decoder: VideoDecoder): number | undefined {
  const { packet } = decoder
  let key: number | undefined
  let least: number | undefined
  for (let reordered = 0; reordered < MOST_REORDERED && decoder.read(); ) {
    const pts = decoder.ticksOf(packet.pts)
    if (pts === undefined || (key === undefined && !packet.isKeyframe)) return undefined
    key ??= pts
    if (pts < key) return undefined
    if (!decoder.isDiscarded()) least = Math.min(least ?? pts, pts)
    if (least === undefined) continue // an edit list may hide any number of frames
    reordered += 1
    const dts = decoder.ticksOf(packet.dts)
    if (dts !== undefined && dts >= least) break // later packets are shown later
  }
  return least
}

/**
 * Seeks to a keyframe that is shown at `target` or before, and reads it. Containers search by
 * decoding time, so the result may be shown too late (B-frames; open groups of pictures); then it
 * seeks further back.
 *
 * @returns its time stamp; `undefined` if none was found
 */
export function seekBefore(
  decoder: VideoDecoder,
  target: number,
  origin: number,
  ticksPerSec: number,
): number | undefined {
  let ask = target
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    if (!decoder.seek(ask) || !readKeyframe(decoder)) return undefined
    const pts = decoder.ticksOf(decoder.packet.pts)
    if (pts === undefined) return undefined
    if (pts <= target && decoder.isRandomAccess()) return pts
    if (ask <= origin) return undefined
    const dts = decoder.ticksOf(decoder.packet.dts) ?? pts
    ask = Math.max(Math.min(dts - 1, ask - (2 ** tries * ticksPerSec) / 4), origin)
  }
  return undefined
}

function readKeyframe(decoder: VideoDecoder): boolean {
  for (let i = 0; i < MOST_BEFORE_KEY; i++) {
    if (!decoder.read()) return false
    if (decoder.packet.isKeyframe) return true
  }
  return false
}
