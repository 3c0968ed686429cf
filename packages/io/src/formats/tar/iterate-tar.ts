import { placed } from '../../files/placed.ts'
import { streamingOf } from '../../files/url-options.ts'
import { type ArchiveSource, checkArchiveSource } from '../archive/archive-source.ts'
import { withReuse } from '../archive/reusing.ts'
import { openWindow } from './open-window.ts'
import type { TarMember } from './tar-member.ts'
import { type IterateTarOptions, tarPlan } from './tar-options.ts'
import { type AsyncWindow, Request } from './tar-window.ts'
import { type Plan, walkTar } from './walk-tar.ts'

/**
 * Iterates the members of a tar archive, in order. It reads ustar, old v7, GNU and pax archives,
 * plain or compressed with gzip or zstd; the first bytes decide.
 *
 * For an archive in memory, `data` is a view of that memory, without a copy. Otherwise `data` has
 * its own memory, so that you can keep it and transfer it to another thread without other members.
 * One member at a time is in memory, plus up to 1 MiB of read-ahead (with `reuse` 2 MiB). A path,
 * URL, Blob or bytes can be iterated several times, a stream only once.
 *
 * @throws MediaError `ERR_BAD_OPTION` at once. While iterating, ArchiveError, which names the
 *   archive, the member and the offset, with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: the source is not a tar archive, or it is damaged or truncated
 * - `ERR_UNSUPPORTED`: sparse members, multi-volume archives, other compressions, zstd before Node
 *   22.15 and 23.8
 * - `ERR_TOO_LARGE`: a member has more than `maxMemberBytes`
 * @throws the signal's reason if it is aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { iterateTar } from '@spindle/io'
 *
 * const names: string[] = []
 * for await (const { path, data } of iterateTar('packages/io/test/archives/pets.tar.gz')) names.push(`${path}: ${data.length}`)
 * assert.deepEqual(names, ['pets/cat.txt: 4', 'pets/dog.txt: 5'])
 * ```
 */
export function iterateTar(
  source: ArchiveSource,
  options: IterateTarOptions = {},
): AsyncIterable<TarMember> {
  checkArchiveSource(source, 'source')
  const { maxDecompressedBytes, ...plan } = tarPlan(options, 'iterate')
  const at = placed(source, options)
  const pieces = { fetching: streamingOf(at.options), maxDecompressedBytes }
  const use = { isReused: plan.isReused, isInPlace: plan.reusesMemory }
  const members = {
    [Symbol.asyncIterator]: () =>
      new Members(() => openWindow(at.source, use, pieces), plan, options.signal),
  }
  return withReuse(members, plan.reusesMemory)
}

/**
 * Implements the iterator protocol by hand: an async generator costs each member three more turns
 * of the microtask queue. Overlapping calls of `next` and `return` are served one after the other,
 * as in a generator.
 */
class Members implements AsyncIterableIterator<TarMember> {
  private readonly open: () => Promise<AsyncWindow>
  private readonly plan: Plan
  private readonly signal: AbortSignal | undefined
  private window: AsyncWindow | undefined
  private steps: Generator<TarMember | Request, void, void> | undefined
  /** The running call. */
  private pending: Promise<unknown> | undefined

  constructor(open: () => Promise<AsyncWindow>, plan: Plan, signal: AbortSignal | undefined) {
    this.open = open
    this.plan = plan
    this.signal = signal
  }

  next(): Promise<IteratorResult<TarMember, undefined>> {
    if (this.pending !== undefined || this.steps === undefined)
      return this.queue(() => this.advance())
    // Most members are already in memory: then the only promise is the returned one.
    try {
      this.signal?.throwIfAborted()
      const step = this.steps.next()
      if (step.done !== true && !(step.value instanceof Request))
        return Promise.resolve(step as IteratorYieldResult<TarMember>)
      return this.queue(() => this.advance(step))
    } catch (error) {
      return this.queue(() => this.fail(error))
    }
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    return this.queue(() => this.end())
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private queue<T>(work: () => Promise<T>): Promise<T> {
    const before = this.pending
    const result = before === undefined ? work() : before.then(work, work)
    const settle = (): void => {
      if (this.pending === mine) this.pending = undefined
    }
    const mine: Promise<void> = result.then(settle, settle)
    this.pending = mine
    return result
  }

  /**
   * Advances to the next member.
   *
   * @param begun a step that has already begun
   */
  private async advance(
    begun?: IteratorResult<TarMember | Request, void>,
  ): Promise<IteratorResult<TarMember, undefined>> {
    try {
      if (this.steps === undefined) {
        this.steps = none()
        this.window = await this.open()
        this.steps = walkTar(this.window, this.plan)
      }
      for (let step = begun ?? this.steps.next(); ; step = this.steps.next()) {
        if (step.done === true) return await this.end()
        if (!(step.value instanceof Request)) {
          this.signal?.throwIfAborted()
          return step as IteratorYieldResult<TarMember>
        }
        this.signal?.throwIfAborted()
        await this.window?.serve(step.value)
      }
    } catch (error) {
      return this.fail(error)
    }
  }

  private async fail(error: unknown): Promise<never> {
    await this.end().catch(() => {})
    throw error
  }

  private async end(): Promise<IteratorReturnResult<undefined>> {
    const { window } = this
    this.window = undefined
    this.steps = none()
    await window?.close()
    return { done: true, value: undefined }
  }
}

function* none(): Generator<never, void, void> {}
