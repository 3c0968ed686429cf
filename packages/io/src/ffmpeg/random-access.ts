import { bytesOf } from '../base/dtypes.ts'

/** How the packets of a codec are divided into NAL units, and the codec of the units. */
export interface UnitFormat {
  readonly codec: 'h264' | 'hevc'
  /** Size of the length field before each unit, in bytes; 0 if start codes separate units. */
  readonly lengthBytes: number
}

/**
 * The format of a stream's packets; `undefined` for codecs whose keyframes need nothing before
 * them.
 */
export function unitFormatOf(codec: string, extraData: Uint8Array | null): UnitFormat | undefined {
  if (codec !== 'h264' && codec !== 'hevc') return undefined
  // ISO/IEC 14496-15: configuration records begin with 1, parameter sets with a start code.
  const isRecord =
    extraData !== null && extraData.length > 22 - (codec === 'h264' ? 15 : 0) && extraData[0] === 1
  const place = codec === 'h264' ? 4 : 21
  return { codec, lengthBytes: isRecord ? (extraData[place]! & 3) + 1 : 0 }
}

/** Largest number of units that are read, and of bytes in a message. */
const MOST_UNITS = 32
const RECOVERY_POINT = 6

/**
 * Whether decoding can begin at a packet that is marked as a keyframe. It cannot if the picture is
 * refreshed gradually from there on, which a recovery point with a count other than 0 declares
 * (ITU-T H.264, D.2.8; H.265, D.3.8). FFmpeg marks these as keyframes too.
 */
export function isRandomAccess({ codec, lengthBytes }: UnitFormat, packet: Uint8Array): boolean {
  let seen = 0
  for (const unit of unitsOf(packet, lengthBytes)) {
    if (++seen > MOST_UNITS) break
    const isAvc = codec === 'h264'
    const type = isAvc ? unit[0]! & 0x1f : (unit[0]! >> 1) & 0x3f
    if (isAvc ? type === 5 : type >= 16 && type <= 23) return true
    if (type !== (isAvc ? 6 : 39)) continue
    const count = recoveryCount(unit.subarray(isAvc ? 1 : 2))
    if (count !== undefined) return count === 0
  }
  return true
}

function* unitsOf(packet: Uint8Array, lengthBytes: number): Generator<Uint8Array> {
  if (lengthBytes > 0) {
    for (let at = 0; at + lengthBytes < packet.length; ) {
      let length = 0
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + packet[at + i]!
      at += lengthBytes
      if (length > 0) yield packet.subarray(at, at + length)
      at += length
    }
    return
  }
  const bytes = bytesOf(packet)
  for (let at = bytes.indexOf(START_CODE); at >= 0; ) {
    const next = bytes.indexOf(START_CODE, at + 3)
    const unit = bytes.subarray(at + 3, next < 0 ? undefined : next)
    if (unit.length > 0) yield unit
    at = next
  }
}

const START_CODE = Buffer.from([0, 0, 1])

/**
 * Number of pictures from a recovery point until the picture is complete; `undefined` if the
 * messages have no recovery point.
 */
function recoveryCount(messages: Uint8Array): number | undefined {
  for (let at = 0; at + 2 < messages.length; ) {
    const [type, size] = [readSum(), readSum()]
    if (type === RECOVERY_POINT) return firstCode(messages.subarray(at, at + size))
    at += size

    function readSum(): number {
      let sum = 0
      for (; messages[at] === 255; at++) sum += 255
      return sum + (messages[at++] ?? 0)
    }
  }
  return undefined
}

/** The number at the beginning of an Exp-Golomb code; only 0 must be right. */
function firstCode(bytes: Uint8Array): number {
  return (bytes[0] ?? 0x80) & 0x80 ? 0 : 1
}
