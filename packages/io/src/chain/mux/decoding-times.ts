import type { PacketData } from '../packets/blob.ts'

/**
 * Packets in the order of decoding, with decoding times where their container (Matroska) tells only
 * when they are shown: the times at which any is shown, in order, moved back by as much as the
 * picture that is shown the earliest for its place needs. Packets without any time are left as they
 * are.
 */
export function withDecodingTimes(packets: readonly PacketData[]): readonly PacketData[] {
  if (packets.some(({ pts }) => pts === undefined)) return packets
  const shown = packets.map(({ pts }) => pts!).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  let late = 0n
  for (const [i, { pts }] of packets.entries()) {
    if (shown[i]! - pts! > late) late = shown[i]! - pts!
  }
  return packets.map((packet, i) => ({ ...packet, dts: shown[i]! - late }))
}

/** Whether a packet that is shown at some time does not tell when it is decoded. */
export function lacksDecodingTime({ pts, dts }: PacketData): boolean {
  return dts === undefined && pts !== undefined
}
