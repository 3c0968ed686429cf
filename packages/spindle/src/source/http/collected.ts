/**
 * Smaller pieces are merged into chunks of this size: each piece would need more memory for itself
 * than for its bytes.
 */
const CHUNK_BYTES = 64 * 1024

/** Collects bytes that arrive in pieces. The server decides how many pieces there are. */
export class Collected {
  private chunks: Uint8Array[] = []
  /** The last chunk, which is not full. */
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
   * All bytes, in memory that is not shared and can be transferred. `fetch` results and
   * `Buffer.concat` may share memory with others.
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
