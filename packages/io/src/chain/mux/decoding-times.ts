import type { PacketData } from '../packets/blob.ts'

/**
 * Adds decoding times to packets in decoding order whose container (Matroska) has only presentation
 * times. The presentation times, sorted, are shifted back as far as the picture that is shown
 * earliest for its position needs. Packets without any time stay unchanged.
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

/** Whether a packet has a presentation time but no decoding time. */
export function lacksDecodingTime({ pts, dts }: PacketData): boolean {
  return dts === undefined && pts !== undefined
}
