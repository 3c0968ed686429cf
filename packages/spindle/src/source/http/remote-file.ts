import { badOption, checkInteger } from '../../check.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from './http-error.ts'
import { isSameVersion, type Version } from './http-fields.ts'
import { bytesOf, type ReadUrlOptions, readPlan, refuseLarge, urlOf } from './read-url.ts'
import { type ReadPlan, Transfer } from './transfer.ts'
import { piecesOf } from './transfer-pieces.ts'

/**
 * A file on a web server that is read in ranges, many at a time. All ranges belong to the same
 * version of the file: if it changes, reads fail.
 *
 * @example
 * ```ts
 * const file = await RemoteFile.open('https://example.org/shard-000.tar')
 * const head = await file.read(0, 512)
 * ```
 */
export class RemoteFile {
  readonly url: URL
  /** Size in bytes. */
  readonly size: number
  /**
   * The `ETag` or `Last-Modified` by which the server identifies the version; `undefined` if it
   * sends neither.
   */
  readonly validator: string | undefined
  private readonly plan: ReadPlan
  private readonly version: Version | undefined

  /**
   * Opens the file by a request for its first byte, whose response has the size. `HEAD` is not used
   * because URLs that are signed for `GET` refuse it.
   *
   * @throws as `readUrl`; `ERR_HTTP` for a server that does not send ranges or does not send the
   *   size
   */
  static async open(
    url: string | URL,
    options: Omit<ReadUrlOptions, 'range'> = {},
  ): Promise<RemoteFile> {
    const plan = readPlan(options)
    const place = urlOf(url)
    const transfer = new Transfer(place, { ...plan, range: [0, 1] })
    try {
      await bytesOf(transfer)
    } catch (error) {
      // An empty file has no first byte.
      if (transfer.total !== 0) throw error
    }
    const { total } = transfer
    if (total === undefined)
      throw new HttpError(`${urlForMessages(place)}: the server does not report its size`, 206)
    return new RemoteFile(place, plan, total, transfer.version)
  }

  private constructor(url: URL, plan: ReadPlan, size: number, version: Version | undefined) {
    this.url = url
    this.plan = plan
    this.size = size
    this.version = version
    this.validator = version?.etag ?? version?.lastModified
  }

  /**
   * Reads a range.
   *
   * @param start first byte, 0..`size`
   * @param end the byte after the last one, `start`..`size`
   * @throws as `readUrl`; `ERR_HTTP` if the file has changed; `ERR_TOO_LARGE` for a range of more
   *   than `maxBytes`
   */
  async read(start: number, end: number, signal?: AbortSignal): Promise<Buffer> {
    this.checkRange(start, end)
    refuseLarge(end - start, this.plan.maxBytes, this.url)
    if (start === end) return Buffer.alloc(0)
    const transfer = new Transfer(this.url, this.planOf([start, end], signal))
    const bytes = await bytesOf(transfer)
    this.refuseOther(transfer)
    return bytes
  }

  /**
   * Reads a range piece by piece, for ranges that are too large for memory. `maxBytes` does not
   * apply.
   *
   * @throws as {@link read}, during iteration
   */
  async *stream(
    start = 0,
    end: number = this.size,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    this.checkRange(start, end)
    if (start === end) return
    let left = end - start
    const range = left === this.size ? undefined : ([start, end] as const)
    const plan = { ...this.planOf(range, signal), maxBytes: left }
    for await (const piece of piecesOf(this.url, plan, (transfer) => this.refuseOther(transfer))) {
      left -= piece.length
      yield piece
    }
    if (left > 0) throw this.changed()
  }

  private checkRange(start: number, end: number): void {
    checkInteger('start', start, 0)
    checkInteger('end', end, start)
    if (end > this.size) badOption('end', `at most the size, ${this.size}`, end)
  }

  private planOf(range: ReadPlan['range'], signal: AbortSignal | undefined): ReadPlan {
    const signals = [this.plan.signal, signal].filter((one) => one !== undefined)
    return {
      ...this.plan,
      range,
      signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    }
  }

  private refuseOther({ total, version }: Transfer): void {
    const isSame =
      this.version === undefined || version === undefined || isSameVersion(this.version, version)
    if (isSame && (total === undefined || total === this.size)) return
    throw this.changed()
  }

  private changed(): HttpError {
    const problem = 'it is no longer what it was: it has changed since it was opened'
    return new HttpError(`${urlForMessages(this.url)}: ${problem}`)
  }
}
