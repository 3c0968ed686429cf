import type { Packet as AvPacket } from 'node-av/lib'
import { bytesOf } from '../../base/dtypes.ts'
import { check, type FFmpeg } from '../../ffmpeg/library.ts'
import { NO_TIME, type PacketData, type SideData } from './blob.ts'

/**
 * Number of side data types that FFmpeg has, and some to come: node-av lists none, so each must be
 * queried.
 */
const SIDE_DATA_TYPES = 48

/** Copies FFmpeg's packet. */
export function takePacket(packet: AvPacket): PacketData {
  const { pts, dts } = packet
  return {
    pts: pts === NO_TIME ? undefined : pts,
    dts: dts === NO_TIME ? undefined : dts,
    duration: packet.duration,
    flags: packet.flags,
    data: packet.data ?? new Uint8Array(0),
    sideData: sideDataOf(packet),
  }
}

/** Copies a packet into FFmpeg's. */
export function fillPacket(ffmpeg: FFmpeg, to: AvPacket, from: PacketData): void {
  const { constants: c } = ffmpeg
  to.unref()
  if (from.data.length > 0) to.data = bytesOf(from.data)
  to.pts = from.pts ?? NO_TIME
  to.dts = from.dts ?? NO_TIME
  to.duration = from.duration
  to.flags = from.flags as never
  for (const { type, data } of from.sideData) {
    // Side data must not be in shared memory.
    check(
      ffmpeg,
      to.addSideData(type as typeof c.AV_PKT_DATA_SKIP_SAMPLES, Buffer.from(data)),
      'adding side data',
    )
  }
}

function sideDataOf(packet: AvPacket): SideData[] {
  const found: SideData[] = []
  for (let type = 0; type < SIDE_DATA_TYPES; type++) {
    const data = packet.getSideData(type as never)
    if (data !== null) found.push({ type, data: Uint8Array.from(data) })
  }
  return found
}
