import type { WavFormat } from './fmt.ts'

/** What the header of a WAV file says of sizes, in bytes. */
export interface ToldSizes {
  /** Of the samples; where it says that the size is in the `ds64` chunk, what that says. */
  readonly data: number
  /** Of the whole file but its first 8 bytes. */
  readonly riff: number
  /** Where the samples begin. */
  readonly offset: number
  /** Whether it is a file of more than 4 GiB (RF64, BW64), whose `riff` means nothing. */
  readonly is64: boolean
}

/**
 * How far a placeholder may be from a power of two: programs take off what headers need, or round
 * down to whole frames or pages.
 */
const NEAR = 1 << 16
/** Powers of two below these bounds are numbers of bytes that real files have. */
const LEAST_EXPONENT = 28
const LEAST_ROUND = 100_000_000

/**
 * Whether a number of bytes or frames is none that a program counted, but one that it wrote since
 * it did not know better: 0, about 2^31 or 2^32 (FFmpeg, SoX, arecord, speech services), another
 * large power of two, or a large round number.
 */
export function isPlaceholder(size: number): boolean {
  if (size === 0 || size >= 2 ** 47) return true
  if (size >= 2 ** 32) return false
  for (let exponent = LEAST_EXPONENT; exponent <= 32; exponent++) {
    const distance = Math.abs(size - 2 ** exponent)
    if (distance <= (exponent >= 31 ? NEAR : 1)) return true
  }
  return size >= LEAST_ROUND && /^\d\d?0+$/.test(String(size))
}

/**
 * Whether the size of samples is unknown, so that they end where the file ends: the header says 0,
 * or more than there is and
 * - a placeholder, of bytes or of frames, or a size of the whole that is one,
 * - no whole number of frames, or
 * - more than the header's own size of the whole has room for.
 */
export function isUnknownSize(
  told: ToldSizes,
  available: number,
  format: WavFormat | undefined,
): boolean {
  const { data, riff, offset, is64 } = told
  if (data === 0) return available > 0
  if (data <= available) return false
  if (isPlaceholder(data)) return true
  const frames = data / (format?.blockAlign ?? 1)
  if (!Number.isInteger(frames)) return true
  return !is64 && (isPlaceholder(frames) || isPlaceholder(riff) || riff + 8 < offset + data)
}
