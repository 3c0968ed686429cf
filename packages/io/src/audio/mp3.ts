import type { SyncReader } from '../file/routine.ts'

/** What is read of the first frame, which has the tag. */
const FRAME_BYTES = 2048
/** Where the tag may begin in it, at most: behind header, checksum and side information. */
const LATEST_TAG = 4 + 2 + 32

/**
 * How many samples of padding the encoder put at the end of an MP3 file, as it tells in its first frame (the tag "Xing" or "Info" with LAME's extension:
 * http://gabriel.mp3-tech.org/mp3infotag.html); `undefined` where it does not.
 */
export function mp3Padding(reader: SyncReader): number | undefined {
  const at = endOfId3(reader)
  const frame = bytesAt(reader, at, FRAME_BYTES)
  const text = frame.toString('latin1', 0, LATEST_TAG + 4)
  const tag = Math.max(text.indexOf('Xing'), text.indexOf('Info'))
  if (tag === -1 || tag + 8 > frame.length) return undefined
  const flags = frame.readUInt32BE(tag + 4)
  // Number of frames, number of bytes, table of contents, quality: each if its flag is set.
  const fields = [4, 4, 100, 4].reduce((sum, size, bit) => sum + ((flags >> bit) & 1) * size, 0)
  const delays = tag + 8 + fields + 21
  if (delays + 3 > frame.length) return undefined
  return ((frame[delays + 1]! & 15) << 8) | frame[delays + 2]!
}

/** Where what is behind an ID3v2 tag begins. */
function endOfId3(reader: SyncReader): number {
  const head = bytesAt(reader, 0, 10)
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return 0
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0)
  return 10 + size + ((head[5]! & 16) !== 0 ? 10 : 0)
}

function bytesAt(reader: SyncReader, at: number, length: number): Buffer {
  const count = Math.max(0, Math.min(length, reader.size - at))
  const { buffer, byteOffset } = reader.read(Math.min(at, reader.size), count)
  return Buffer.from(buffer, byteOffset, count)
}
