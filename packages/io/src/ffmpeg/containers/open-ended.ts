import type { FormatContext } from 'node-av/lib'
import { runSync, type SyncReader } from '../../files/routine.ts'
import { hasUnknownSize, isWavHead } from '../../formats/wav/wav-header.ts'

/**
 * Where the chunk of samples begins in CAF files, at the latest: they have a page for texts before
 * it.
 */
const CAF_HEAD_BYTES = 65_536

/**
 * How a streamed WAV file is marked for FFmpeg's side, which sees but its bytes: as the program
 * that wrote it.
 */
const MARK = 'spindle, of unknown size '

/** The chunk that says so. */
export const OPEN_ENDED_CHUNK: Buffer = Buffer.concat([
  Buffer.from('LIST'),
  uint32(12 + MARK.length + 1),
  Buffer.from('INFOISFT'),
  uint32(MARK.length + 1),
  Buffer.from(`${MARK}\0`),
])

/** Whether a byte stream has that mark, or is one of which the end cannot be told. */
export function isStreamOpenEnded({ iformat, metadata }: FormatContext): boolean {
  return iformat?.name === 'caf' || (iformat?.name === 'wav' && metadata?.get('encoder') === MARK)
}

/**
 * Whether a file ends where its bytes end, since its header does not tell: WAV and CAF that were
 * written into a pipe.
 */
export function isOpenEnded(reader: SyncReader): boolean {
  const head = reader.read(0, Math.min(12, reader.size))
  if (isWavHead(head)) return hasOpenWav(reader)
  return Buffer.from(head).toString('latin1', 0, 4) === 'caff' && hasOpenCaf(reader)
}

function hasOpenWav(reader: SyncReader): boolean {
  try {
    return runSync(hasUnknownSize(reader.size), { reader })
  } catch {
    return false // FFmpeg says what is wrong with it
  }
}

/**
 * Apple's Core Audio Format: chunks of a name and a size of 64 bits, which is -1 for samples up to
 * the end.
 */
function hasOpenCaf(reader: SyncReader): boolean {
  const head = Buffer.from(reader.read(0, Math.min(CAF_HEAD_BYTES, reader.size)))
  for (let at = 8; at + 12 <= head.length; ) {
    const size = head.readBigInt64BE(at + 4)
    if (head.toString('latin1', at, at + 4) === 'data') return size === -1n
    if (size < 0n) return false
    at += 12 + Number(size)
  }
  return false
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
