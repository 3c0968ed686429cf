import { runSync, type SyncReader } from '../../file/routine.ts'
import { hasUnknownSize } from '../../wav/header.ts'
import { isWavHead } from '../plain-wav.ts'

/** Where the chunk of samples begins in CAF files, at the latest: they have a page for texts before it. */
const CAF_HEAD_BYTES = 65_536

/** Whether a file ends where its bytes end, since its header does not tell: WAV and CAF that were written into a pipe. */
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

/** Apple's Core Audio Format: chunks of a name and a size of 64 bits, which is -1 for samples up to the end. */
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
