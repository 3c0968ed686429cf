import { badOption } from '../../base/errors.ts'
import { type WavEncoding, WIDTHS } from './store.ts'

const MAX_BLOCK = 0xffff
const MAX_SIZE = 0xffffffff

/**
 * Encodes the header before the samples. Integers get the plain header of 44 bytes that Python's
 * `wave` writes. Floating point gets that of SciPy: an empty extension and a `fact` chunk, as the
 * standard requires for everything but PCM.
 *
 * @param frames samples per channel
 * @throws MediaError `ERR_BAD_OPTION` for more channels than a header can store
 */
export function wavHead(
  format: {
    readonly encoding: WavEncoding
    readonly channels: number
    readonly sampleRate: number
  },
  frames: number,
): Uint8Array {
  const { encoding, channels, sampleRate } = format
  const width = WIDTHS[encoding]
  const blockAlign = channels * width
  if (channels < 1 || blockAlign > MAX_BLOCK) {
    throw badOption('audio.shape', `of 1 to ${Math.floor(MAX_BLOCK / width)} channels`, channels)
  }
  const isFloat = encoding === 'float32' || encoding === 'float64'
  const dataBytes = frames * blockAlign
  const fmtBytes = isFloat ? 18 : 16
  const headBytes = 12 + 8 + fmtBytes + (isFloat ? 12 : 0) + 8
  const fileBytes = headBytes + dataBytes + (dataBytes % 2)
  const is64 = fileBytes - 8 > MAX_SIZE
  const ds64Bytes = is64 ? 8 + 28 : 0
  const head = Buffer.alloc(headBytes + ds64Bytes)
  head.write(is64 ? 'RF64' : 'RIFF', 0)
  head.writeUInt32LE(is64 ? MAX_SIZE : fileBytes - 8, 4)
  head.write('WAVE', 8)
  let at = 12
  if (is64) {
    head.write('ds64', at)
    head.writeUInt32LE(28, at + 4)
    head.writeBigUInt64LE(BigInt(fileBytes + ds64Bytes - 8), at + 8)
    head.writeBigUInt64LE(BigInt(dataBytes), at + 16)
    head.writeBigUInt64LE(BigInt(frames), at + 24)
    at += ds64Bytes
  }
  head.write('fmt ', at)
  head.writeUInt32LE(fmtBytes, at + 4)
  head.writeUInt16LE(isFloat ? 3 : 1, at + 8)
  head.writeUInt16LE(channels, at + 10)
  head.writeUInt32LE(sampleRate, at + 12)
  head.writeUInt32LE(Math.min(sampleRate * blockAlign, MAX_SIZE), at + 16)
  head.writeUInt16LE(blockAlign, at + 20)
  head.writeUInt16LE(width * 8, at + 22)
  at += 8 + fmtBytes
  if (isFloat) {
    head.write('fact', at)
    head.writeUInt32LE(4, at + 4)
    head.writeUInt32LE(Math.min(frames, MAX_SIZE), at + 8)
    at += 12
  }
  head.write('data', at)
  head.writeUInt32LE(is64 ? MAX_SIZE : dataBytes, at + 4)
  return head
}
