import { bytesOf } from '../../base/dtypes.ts'
import type { SyncReader } from '../../files/routine.ts'

/** Number of bytes read of the first frame, which has the tag. */
const FRAME_BYTES = 2048
/** Latest offset of the tag in the frame: after header, checksum and side information. */
const LATEST_TAG = 4 + 2 + 32

/** The information tag of an MP3 file. */
interface Mp3Tag {
  /** Samples of padding at the end; `undefined` if the encoder is not LAME or compatible. */
  readonly padding: number | undefined
  /** End of the last frame in the file; `undefined` if unknown. */
  readonly end: number | undefined
}

/** Number of padding samples at the end of an MP3 file; `undefined` if unknown. */
export function mp3Padding(reader: SyncReader): number | undefined {
  return tagOf(reader)?.padding
}

/**
 * End of an MP3 file that is followed by more than a sixteenth of other data: FFmpeg would take
 * that for two files and forget the length of the first. `undefined` for other files, and if the
 * rest begins with a frame of another file.
 */
export function mp3End(reader: SyncReader): number | undefined {
  if (reader.size < 4) return undefined
  const end = tagOf(reader)?.end
  if (end === undefined || reader.size - end <= end / 32) return undefined
  return mayBeMpegFrame(bytesAt(reader, endOfId3(reader, end), 4)) ? undefined : end
}

/**
 * The tag "Xing" or "Info" in the first frame, with LAME's extension:
 * http://gabriel.mp3-tech.org/mp3infotag.html
 */
function tagOf(reader: SyncReader): Mp3Tag | undefined {
  const at = endOfId3(reader, 0)
  const frame = bytesAt(reader, at, FRAME_BYTES)
  if (!mayBeMpegFrame(frame)) return undefined
  const text = frame.toString('latin1', 0, LATEST_TAG + 4)
  const tag = Math.max(text.indexOf('Xing'), text.indexOf('Info'))
  if (tag === -1 || tag + 16 > frame.length) return undefined
  const flags = frame.readUInt32BE(tag + 4)
  // Number of frames, number of bytes, table of contents, quality: each is present if its flag is
  // set.
  const fields = [4, 4, 100, 4].map((size, bit) => ((flags >> bit) & 1) * size)
  const bytes = (flags & 2) === 0 ? 0 : frame.readUInt32BE(tag + 8 + fields[0]!)
  const delays = tag + 8 + fields.reduce((sum, size) => sum + size) + 21
  return {
    padding:
      delays + 3 > frame.length ? undefined : ((frame[delays + 1]! & 15) << 8) | frame[delays + 2]!,
    end: bytes > 0 && at + bytes <= reader.size ? at + bytes : undefined,
  }
}

/**
 * 11 bits of sync, and no reserved value of version, layer, bit rate and sample rate (ISO/IEC
 * 11172-3, 2.4.2.3).
 */
export function mayBeMpegFrame([sync = 0, kind = 0xfb, rates = 0x90]: Uint8Array): boolean {
  const isSync = sync === 0xff && (kind & 0xe0) === 0xe0
  return (
    isSync &&
    (kind & 0x18) !== 0x08 &&
    (kind & 0x06) !== 0 &&
    rates >> 4 !== 15 &&
    (rates & 0x0c) !== 0x0c
  )
}

/** End of an ID3v2 tag at `from`; `from` if there is none. */
function endOfId3(reader: SyncReader, from: number): number {
  const head = bytesAt(reader, from, 10)
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return from
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0)
  return from + 10 + size + ((head[5]! & 16) !== 0 ? 10 : 0)
}

function bytesAt(reader: SyncReader, at: number, length: number): Buffer {
  const count = Math.max(0, Math.min(length, reader.size - at))
  return bytesOf(reader.read(Math.min(at, reader.size), count))
}
