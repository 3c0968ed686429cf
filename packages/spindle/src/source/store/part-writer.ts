import type { ObjectInfo, ObjectWriter } from './object-store.ts'

/** Uploads that run at the same time for one object. */
const LANES = 4

/** How a server takes an object: whole, or in parts. */
export interface Upload {
  whole(bytes: Uint8Array): Promise<ObjectInfo>
  /** Uploads one part, numbered from 1. */
  part(number: number, bytes: Uint8Array): Promise<void>
  /** Joins the parts. */
  complete(parts: number, size: number): Promise<ObjectInfo>
  abort(): Promise<void>
}

/**
 * Gathers what is written to parts of equal size and uploads several at a time. An object that fits
 * one part is uploaded by one request.
 */
export class PartWriter implements ObjectWriter {
  readonly #upload: Upload
  readonly #partBytes: number
  #buffer: Buffer | undefined
  #used = 0
  #parts = 0
  #size = 0
  #isEnded = false
  #failure: { readonly error: unknown } | undefined
  readonly #running: Set<Promise<void>> = new Set()

  constructor(upload: Upload, partBytes: number) {
    this.#upload = upload
    this.#partBytes = partBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.byteLength
    for (let rest = bytes; rest.byteLength > 0; ) {
      if (this.#used === this.#partBytes) await this.#send()
      this.#grow(rest.byteLength)
      const buffer = this.#buffer as Buffer
      const taken = Math.min(rest.byteLength, buffer.length - this.#used)
      buffer.set(rest.subarray(0, taken), this.#used)
      this.#used += taken
      rest = rest.subarray(taken)
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async close(): Promise<ObjectInfo> {
    const last = this.#buffer?.subarray(0, this.#used) ?? Buffer.alloc(0)
    if (this.#parts === 0) {
      this.#isEnded = true
      return await this.#upload.whole(last)
    }
    if (this.#used > 0) await this.#send()
    await Promise.all(this.#running)
    if (this.#failure !== undefined) throw this.#failure.error
    this.#isEnded = true
    return await this.#upload.complete(this.#parts, this.#size)
  }

  async abort(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    await Promise.all(this.#running)
    if (this.#parts > 0) await this.#upload.abort().catch(() => {})
  }

  /** Small objects need small buffers. */
  #grow(bytes: number): void {
    const size = this.#buffer?.length ?? 0
    if (size - this.#used >= Math.min(bytes, this.#partBytes - this.#used)) return
    const wanted = Math.min(this.#partBytes, Math.max(2 * size, this.#used + bytes, 1 << 16))
    const grown = Buffer.allocUnsafeSlow(wanted)
    this.#buffer?.copy(grown, 0, 0, this.#used)
    this.#buffer = grown
  }

  async #send(): Promise<void> {
    const bytes = (this.#buffer as Buffer).subarray(0, this.#used)
    this.#buffer = undefined
    this.#used = 0
    this.#parts++
    const sent: Promise<void> = this.#upload.part(this.#parts, bytes).then(
      () => {
        this.#running.delete(sent)
      },
      (error) => {
        this.#running.delete(sent)
        this.#failure ??= { error }
      },
    )
    this.#running.add(sent)
    while (this.#running.size >= LANES) await Promise.race(this.#running)
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
