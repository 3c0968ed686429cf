// Zstandard's container (RFC 8878, 3.1): frames of a header, blocks and a checksum. Node's
// decompressor silently stops after the first frame of a write (before Node 26) and at a truncated
// frame (Node 22). So this module separates the frames: it never passes bytes beyond the end of a
// frame in one write, and it checks that the input ends with a frame.

/** Follows the frames of an input that arrives in pieces. */
export class ZstdFrames {
  private state: 'magic' | 'descriptor' | 'block' | 'skippable' = 'magic'
  /** The bytes of the current field, and how many it has. */
  private readonly field: Uint8Array = new Uint8Array(4)
  private filled = 0
  private needed = 4
  /** Number of bytes to skip before the next field. */
  private passing = 0
  private hasChecksum = false
  private isSkippable = false
  private frames = 0

  /** Whether the input may end here. */
  get isBetweenFrames(): boolean {
    return this.state === 'magic' && this.filled === 0 && this.passing === 0 && this.frames > 0
  }

  /**
   * Splits a piece of the input at the ends of frames, and leaves out frames without data.
   * @throws CompressedInputError if the input is not in this format
   */
  *cut(piece: Uint8Array): Generator<Uint8Array, void, void> {
    let start = 0
    let at = 0
    while (at < piece.length) {
      if (this.passing > 0) {
        const step = Math.min(this.passing, piece.length - at)
        this.passing -= step
        at += step
      } else {
        this.field[this.filled++] = piece[at++]!
        if (this.filled === this.needed) {
          this.take()
          if (this.state === 'descriptor' && at - start < 4) {
            // The magic number began in an earlier piece, and was held back until it was complete.
            yield Uint8Array.from(this.field)
            start = at
          }
        }
      }
      if (this.passing === 0 && this.filled === 0 && this.state === 'magic') {
        if (!this.isSkippable && at > start) yield piece.subarray(start, at)
        start = at
        this.isSkippable = false
      }
    }
    const isMagic = this.state === 'magic' && this.filled > 0
    if (start < at && !this.isSkippable && !isMagic) yield piece.subarray(start, at)
  }

  /** Reads a complete field and sets what follows it. */
  private take(): void {
    const { field } = this
    this.filled = 0
    if (this.state === 'magic') {
      const magic = (field[0]! | (field[1]! << 8) | (field[2]! << 16) | (field[3]! << 24)) >>> 0
      this.isSkippable = magic >>> 4 === 0x184d2a5
      if (magic !== 0xfd2fb528 && !this.isSkippable)
        throw new CompressedInputError('garbage stands between its Zstandard frames')
      this.expect(this.isSkippable ? 'skippable' : 'descriptor', this.isSkippable ? 4 : 1)
    } else if (this.state === 'skippable') {
      this.passing = (field[0]! | (field[1]! << 8) | (field[2]! << 16) | (field[3]! << 24)) >>> 0
      this.endFrame()
    } else if (this.state === 'descriptor') {
      const descriptor = field[0]!
      const isSingle = (descriptor & 0x20) !== 0
      this.hasChecksum = (descriptor & 0x04) !== 0
      const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!
      this.passing = (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]! + contentSize
      this.expect('block', 3)
    } else {
      const block = field[0]! | (field[1]! << 8) | (field[2]! << 16)
      const isLast = (block & 1) === 1
      const type = (block >> 1) & 3
      if (type === 3) throw new CompressedInputError('it has a Zstandard block of a reserved type')
      // A run is one byte, whatever its length.
      this.passing = type === 1 ? 1 : block >> 3
      if (isLast) {
        if (this.hasChecksum) this.passing += 4
        this.endFrame()
      }
    }
  }

  private expect(state: ZstdFrames['state'], bytes: number): void {
    this.state = state
    this.needed = bytes
  }

  private endFrame(): void {
    this.frames++
    this.expect('magic', 4)
  }
}

/** The error for compressed data that are truncated or malformed. */
export class CompressedInputError extends Error {}
