import { SpindleError } from 'spindle/worker'
import { placed } from '../../files/placed.ts'
import { streamingOf } from '../../files/url-options.ts'
import { type ArchiveSource, checkArchiveSource } from '../archive/archive-source.ts'
import type { MutableMember } from './headers.ts'
import { openWindow } from './open-window.ts'
import type { TarHeader } from './tar-member.ts'
import { type StreamTarOptions, tarPlan } from './tar-options.ts'
import { type AsyncWindow, Request } from './tar-window.ts'
import { walkTar } from './walk-tar.ts'

/** A member whose data have not been read yet. */
export interface TarStreamMember extends TarHeader {
  /**
   * The data in pieces; it can be iterated once, until the next member is requested. The rest is
   * then skipped. Each piece has its own memory; for an archive in memory the only piece is a view.
   */
  readonly pieces: AsyncIterable<Uint8Array>
}

/**
 * Iterates the members of a tar archive, in order, each with its data in pieces: for members that
 * are too large for memory. Everything else is as in `iterateTar`.
 *
 * @throws as `iterateTar`. The iterator of `pieces` throws SpindleError `ERR_BAD_STATE` if it is
 *   used too late or twice.
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { createHash } from 'node:crypto'
 * import { streamTar } from '@spindle/io'
 *
 * for await (const { path, pieces } of streamTar('packages/io/test/archives/pets.tar')) {
 *   const hash = createHash('sha1')
 *   for await (const piece of pieces) hash.update(piece)
 *   assert.match(`${path} ${hash.digest('hex')}`, /^pets\/(cat|dog)\.txt [0-9a-f]{40}$/)
 * }
 * ```
 */
export function streamTar(
  source: ArchiveSource,
  options: StreamTarOptions = {},
): AsyncIterable<TarStreamMember> {
  checkArchiveSource(source, 'source')
  const { maxDecompressedBytes, pieceBytes, ...plan } = tarPlan(options, 'stream')
  const at = placed(source, options)
  const pieces = { fetching: streamingOf(at.options), maxDecompressedBytes }
  const { signal } = options
  return {
    [Symbol.asyncIterator]: async function* () {
      const window = await openWindow(at.source, { isReused: true }, pieces)
      let data: MemberData | undefined
      try {
        for (const step of walkTar(window, plan)) {
          await data?.end()
          data = undefined
          signal?.throwIfAborted()
          if (step instanceof Request) await window.serve(step)
          else {
            data = new MemberData(window, step, pieceBytes, signal)
            const { data: _none, ...header } = step
            yield { ...header, pieces: data }
          }
        }
      } finally {
        await data?.end()
        await window.close()
      }
    },
  }
}

/** The data of the current member. */
class MemberData implements AsyncIterable<Uint8Array> {
  private readonly window: AsyncWindow
  private readonly member: MutableMember
  private readonly pieceBytes: number
  private readonly signal: AbortSignal | undefined
  private state: 'untouched' | 'begun' | 'over' = 'untouched'
  private reading: Promise<void> | undefined

  constructor(
    window: AsyncWindow,
    member: MutableMember,
    pieceBytes: number,
    signal: AbortSignal | undefined,
  ) {
    this.window = window
    this.member = member
    this.pieceBytes = pieceBytes
    this.signal = signal
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    if (this.state === 'begun') throw this.fault('were iterated before')
    this.state = this.state === 'over' ? 'over' : 'begun'
    const { window } = this
    const { size, offset } = this.member
    while (true) {
      if (this.state === 'over') throw this.fault('are over since the next member was asked for')
      const left = offset + size - window.position
      if (left === 0) return
      this.signal?.throwIfAborted()
      if (window.isWhole) {
        const { bytes, at } = window
        window.at += left
        window.position += left
        yield new Uint8Array(bytes.buffer, bytes.byteOffset + at, left)
      } else {
        const piece = new Uint8Array(Buffer.allocUnsafeSlow(Math.min(left, this.pieceBytes)).buffer)
        this.reading = window.serve(new Request().read(piece))
        await this.reading
        const got = window.position - (offset + size - left)
        // The archive is truncated; the walk reports it.
        if (got < piece.length) return
        yield piece
      }
    }
  }

  /** The walk continues. A read that was not awaited must end first. */
  async end(): Promise<void> {
    this.state = 'over'
    await this.reading?.catch(() => {})
  }

  private fault(what: string): SpindleError {
    return new SpindleError(
      'ERR_BAD_STATE',
      `the pieces of ${JSON.stringify(this.member.path)} ${what}`,
    )
  }
}
