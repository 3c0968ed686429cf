const SEQUENCE_HEADER = 1

/**
 * Whether the coded data of an AV1 still picture are grey of limited range (AV1 specification, 5.3
 * to 5.5). `undefined` if its sequence header is missing or not that of a still picture.
 */
export function isLimitedGrey(data: Buffer): boolean | undefined {
  const header = sequenceHeader(data)
  return header === undefined ? undefined : readColours(new Bits(header))
}

/** The content of the first sequence header among the units of a picture. */
function sequenceHeader(data: Buffer): Buffer | undefined {
  for (let at = 0; at + 2 <= data.length; ) {
    const head = data[at]!
    const [hasExtension, hasSize] = [(head & 4) !== 0, (head & 2) !== 0]
    if (!hasSize) return undefined
    let [size, shift] = [0, 0]
    for (at += hasExtension ? 2 : 1; ; shift += 7) {
      const byte = data[at++] ?? 0
      size += (byte & 0x7f) * 2 ** shift
      if (byte < 128 || shift > 28) break
    }
    if (((head >> 3) & 15) === SEQUENCE_HEADER) return data.subarray(at, at + size)
    at += size
  }
  return undefined
}

function readColours(bits: Bits): boolean | undefined {
  const profile = bits.read(3)
  const [, isReduced] = [bits.read(1), bits.read(1)]
  if (isReduced === 0) return undefined
  bits.read(5) // level
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1]
  bits.read(widthBits)
  bits.read(heightBits)
  bits.read(6) // tools of the coder
  const isDeep = bits.read(1) === 1
  if (profile === 2 && isDeep) bits.read(1)
  const isGrey = profile !== 1 && bits.read(1) === 1
  if (bits.read(1) === 1) bits.read(24) // primaries, transfer and matrix
  return isGrey && bits.read(1) === 0
}

/** Reads numbers from the highest bit on. After the end it reads zeros. */
class Bits {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  read(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++, this.#at++)
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1)
    return value
  }
}
