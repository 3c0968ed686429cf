import type { WavFormat } from './fmt.ts'

/** The sizes in the header of a WAV file, in bytes. */
export interface ToldSizes {
  /** Size of the samples; if it refers to the `ds64` chunk, the size there. */
  readonly data: number
  /** Size of the whole file without its first 8 bytes. */
  readonly riff: number
  /** Offset of the samples. */
  readonly offset: number
  /** Whether it is a file of more than 4 GiB (RF64, BW64), in which `riff` has no meaning. */
  readonly is64: boolean
}

/**
 * Largest distance of a placeholder from a power of two: programs subtract the headers, or round
 * down to whole frames or pages.
 */
const NEAR = 1 << 16
/** Smaller powers of two are sizes of real files. */
const LEAST_EXPONENT = 28
const LEAST_ROUND = 100_000_000

/**
 * Whether a number of bytes or frames is a placeholder of a program that did not know the size: 0,
 * about 2^31 or 2^32 (FFmpeg, SoX, arecord, speech services), another large power of two, or a
 * large round number.
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
 * Whether the size of the samples is unknown, so that they end where the file ends: the header says
 * 0, or more than there is and
 * - a placeholder, of bytes or frames, or a total size that is one,
 * - not a whole number of frames, or
 * - more than the header's own total size allows.
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
