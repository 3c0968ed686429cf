/** Smaller pieces are put together: each would take more memory for itself than for its bytes. */
const CHUNK_BYTES = 64 * 1024

/** Bytes that come in pieces, of which a server may make as many as it likes. */
export class Collected {
  private chunks: Uint8Array[] = []
  /** The last chunk, as far as it is filled. */
  private open: Uint8Array = new Uint8Array(0)
  private filled = 0
  private length = 0

  add(piece: Uint8Array): void {
    this.length += piece.length
    if (piece.length >= CHUNK_BYTES / 4) {
      this.closeChunk()
      this.chunks.push(piece)
      return
    }
    if (this.filled + piece.length > this.open.length) {
      this.closeChunk()
      this.open = new Uint8Array(CHUNK_BYTES)
    }
    this.open.set(piece, this.filled)
    this.filled += piece.length
  }

  clear(): void {
    this.chunks = []
    this.open = new Uint8Array(0)
    this.filled = 0
    this.length = 0
  }

  /**
   * All of it in memory of its own, which can be transferred: what `fetch` gives, and
   * `Buffer.concat`, shares its memory with others.
   */
  joined(): Buffer {
    this.closeChunk()
    const bytes = Buffer.allocUnsafeSlow(this.length)
    let at = 0
    for (const chunk of this.chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }

  private closeChunk(): void {
    if (this.filled > 0) this.chunks.push(this.open.subarray(0, this.filled))
    this.open = new Uint8Array(0)
    this.filled = 0
  }
}
