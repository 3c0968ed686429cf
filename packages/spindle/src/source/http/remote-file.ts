import { badOption, checkInteger } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { Download } from './download.ts'
import { type ReadPlan, type ReadUrlOptions, readPlan, urlOf } from './read-url.ts'

/**
 * What a web server has, read in ranges, many at a time. All of them are of the same state: if it changes, reads fail.
 *
 * @example
 * ```ts
 * const file = await RemoteFile.open('https://example.org/shard-000.tar')
 * const head = await file.read(0, 512)
 * ```
 */
export class RemoteFile {
  readonly url: URL
  /** How many bytes it has. */
  readonly size: number
  /** By which the server tells one state from another: its `ETag` or `Last-Modified`; `undefined` if it sends neither. */
  readonly validator: string | undefined
  private readonly plan: ReadPlan

  /**
   * Asks for the first byte, and so for the size. (Not by `HEAD`: URLs that are signed for `GET` refuse it.)
   *
   * @throws as `readUrl`; `ERR_HTTP` for a server that does not send ranges, or does not tell the size
   */
  static async open(url: string | URL, options: Omit<ReadUrlOptions, 'range'> = {}): Promise<RemoteFile> {
    const plan = readPlan(options)
    const place = urlOf(url)
    const download = new Download(place, { ...plan, range: [0, 1] })
    try {
      await download.run()
    } catch (error) {
      // Of nothing there is no first byte.
      if (download.total !== 0) throw error
    }
    if (download.total === undefined)
      throw new SpindleError('ERR_HTTP', `${place.href}: the server does not tell its size`)
    return new RemoteFile(place, plan, download)
  }

  private constructor(url: URL, plan: ReadPlan, { total, validator }: Download) {
    this.url = url
    this.plan = plan
    this.size = total!
    this.validator = validator
  }

  /**
   * Reads a range.
   *
   * @param start first byte, 0..`size`
   * @param end the byte after the last one, `start`..`size`
   * @throws as `readUrl`; `ERR_HTTP` if it is no longer what it was
   */
  async read(start: number, end: number, signal?: AbortSignal): Promise<Buffer> {
    checkInteger('start', start, 0)
    checkInteger('end', end, start)
    if (end > this.size) badOption('end', `at most the size, ${this.size}`, end)
    if (start === end) return Buffer.alloc(0)
    const signals = [this.plan.signal, signal].filter((one) => one !== undefined)
    const download = new Download(this.url, {
      ...this.plan,
      range: [start, end],
      signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    })
    const bytes = await download.run()
    if (download.total !== this.size || download.validator !== this.validator)
      throw new SpindleError('ERR_HTTP', `${this.url.href}: it is no longer what it was when it was opened`)
    return bytes
  }
}
