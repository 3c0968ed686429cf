import { crc32 } from 'node:zlib'
import { numbers } from '../support.ts'

/** How many broken files are made of a whole one. */
export interface Amounts {
  /** Cut short at so many places, spread evenly; `Infinity` for every length there is. */
  readonly cuts: number
  /** A few bits flipped, anywhere. */
  readonly flips: number
  /** A run of bytes overwritten with one value. */
  readonly overwrites: number
  /**
   * Sizes and counts near the beginning or the end that are lies, in both byte orders, under
   * checksums that are right.
   */
  readonly lies: number
}

/** Broken files made of a whole one: the same each time for a seed. */
export function mutations(whole: Buffer, amounts: Amounts, seed: number = whole.length): Buffer[] {
  const random = numbers(seed)
  const changed = (count: number, change: (copy: Buffer) => void): Buffer[] =>
    Array.from({ length: count }, () => {
      const copy = Buffer.from(whole)
      change(copy)
      return copy
    })
  const flip = (copy: Buffer): void => {
    for (let i = 0; i <= random(4); i++) {
      const at = random(copy.length)
      copy[at] = copy[at]! ^ (1 << random(8))
    }
  }
  const overwrite = (copy: Buffer): void => {
    const at = random(copy.length)
    copy.fill(random(256), at, Math.min(copy.length, at + 1 + random(20)))
  }
  const lie = (copy: Buffer): void => {
    lies[random(lies.length)]!(copy, placeNearAnEnd(copy, random), random)
    repair(copy)
  }
  return [
    ...cuts(whole, amounts.cuts),
    ...changed(amounts.flips, flip),
    ...changed(amounts.overwrites, overwrite),
    ...changed(amounts.lies, lie),
  ]
}

/** The beginnings of a file, the empty one first and never the whole. */
export function cuts(whole: Buffer, count: number): Buffer[] {
  const length = Math.min(count, whole.length)
  return Array.from({ length }, (_, i) =>
    whole.subarray(0, Math.floor((whole.length * i) / length)),
  )
}

/** Headers begin a file; the directories of zip archives and of some TIFF files end it. */
function placeNearAnEnd(copy: Buffer, random: (below: number) => number): number {
  const within = Math.min(160, copy.length - 4)
  const at = random(within)
  return random(3) === 0 ? copy.length - 4 - at : at
}

const WORDS = [0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x00010000, 0x00ffffff]
const SHORTS = [0, 1, 0xffff, 0x7fff, 0x8000, 0x4000]

const lies: ((copy: Buffer, at: number, random: (below: number) => number) => void)[] = [
  (copy, at, random) => copy.writeUInt32BE(WORDS[random(WORDS.length)]!, at),
  (copy, at, random) => copy.writeUInt32LE(WORDS[random(WORDS.length)]!, at),
  (copy, at, random) => copy.writeUInt16BE(SHORTS[random(SHORTS.length)]!, at),
  (copy, at, random) => copy.writeUInt16LE(SHORTS[random(SHORTS.length)]!, at),
  // Numbers written in letters: the next digit becomes another (npy, tar).
  (copy, at, random) => {
    const digit = copy.findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39)
    if (digit >= 0) copy[digit] = 0x30 + random(10)
  },
]

/**
 * Makes checksums of headers right again, so that what lies beneath is believed: PNG's chunks,
 * tar's headers.
 */
function repair(copy: Buffer): void {
  if (copy.toString('latin1', 1, 4) === 'PNG') {
    for (let at = 8; at + 12 <= copy.length; ) {
      const end = at + 8 + copy.readUInt32BE(at)
      if (end + 4 > copy.length) break
      copy.writeUInt32BE(crc32(copy.subarray(at + 4, end)), end)
      at = end + 4
    }
  }
  for (let at = 0; copy.toString('latin1', at + 257, at + 262) === 'ustar'; at += 512) {
    const header = copy.subarray(at, at + 512)
    if (header.length < 512) break
    header.fill(' ', 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  }
}
