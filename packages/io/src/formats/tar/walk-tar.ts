import { badOption } from '../../base/errors.ts'
import { type ArchiveError, archiveError } from '../archive/archive-error.ts'
import { BLOCK, isBlank, padded, verifyBlock } from './fields.ts'
import { Headers, type MutableMember } from './headers.ts'
import type { TarHeader, TarMemberType } from './tar-member.ts'
import { Request, type Window } from './tar-window.ts'

/** Which members are returned, and how. */
export interface Plan {
  /** Types to return. */
  readonly types: ReadonlySet<TarMemberType>
  readonly filter: ((header: TarHeader) => boolean) | undefined
  /** Largest member that is copied into its own memory, in bytes. */
  readonly maxMemberBytes: number
  readonly concatenated: boolean
  readonly requireEndMarker: boolean
  /** Whether data may be a view of the read buffer. */
  readonly givesViews: boolean
  /** Whether the read buffer may be overwritten once the next member is requested. */
  readonly isReused: boolean
  /** Whether memory of one member may be reused for another. */
  readonly reusesMemory: boolean
  /**
   * Whether data stay where they are: the part that the consumer has not taken is skipped when it
   * requests the next member.
   */
  readonly leavesData: boolean
}

/**
 * Number of bytes after the end marker that are checked, if the rest of the archive could be
 * skipped.
 */
const MAX_TAIL = 1024 * 1024
/** The same for streams, which must be read to their end, but may have none. */
const MAX_STREAM_TAIL = 1024 ** 3
/**
 * Memory that is allocated for a member on the word of its header. More is allocated as bytes
 * arrive.
 */
const MAX_TRUSTED = 64 * 1024 * 1024

/**
 * Walks an archive. It yields members and, between them, requests; the caller serves each request
 * before the walk continues. The caller decides whether to wait, so one walk serves memory, files
 * and streams, with and without promises.
 */
export function* walkTar(
  window: Window,
  plan: Plan,
): Generator<MutableMember | Request, void, void> {
  const headers = new Headers(window.archive)
  const request = new Request()
  const memory = new MemberMemory(plan.reusesMemory)
  for (;;) {
    if (window.end - window.at < BLOCK) {
      yield request.fill(BLOCK)
      if (window.end - window.at < BLOCK) return endWithoutMarker(window, headers, plan)
    }
    const kind = headers.read(window)
    if (kind === 'zero' || kind === 'blank') {
      if (yield* isAtEnd(window, headers, request, plan)) return
      continue
    }
    const headerAt = window.position
    advance(window, BLOCK)
    if (kind === 'extension') {
      const length = padded(headers.extensionBytes)
      if (window.end - window.at < length) yield request.fill(length)
      if (window.end - window.at < length) {
        const problem = 'is truncated: it ends in an extended header'
        throw archiveError('ERR_DECODE', window.archive, problem, { offset: headerAt })
      }
      headers.extend(window)
      advance(window, length)
      continue
    }

    const { member, refusal } = headers
    while (headers.isMapContinued) yield* passMap(window, headers, request)
    const { size } = member
    const isGiven =
      plan.types.has(member.type) && (plan.filter === undefined || isWanted(plan.filter, member))
    if (isGiven && refusal !== undefined)
      throw archiveError('ERR_UNSUPPORTED', window.archive, refusal, {
        member: member.path,
        offset: headerAt,
      })
    if (window.length !== undefined && member.offset + size > window.length)
      throw truncated(window, member, window.length - member.offset)
    if (isGiven) {
      if (!plan.leavesData && size > 0) {
        if (window.isWhole) member.data = viewOf(window, size)
        else if (size > plan.maxMemberBytes) throw tooLarge(window, member, plan)
        else if (window.end - window.at < size)
          member.data = yield* readLarge(window, member, request, memory)
        else if (plan.givesViews) member.data = viewOf(window, size)
        else {
          member.data = newBytes(size)
          member.data.set(window.bytes.subarray(window.at, window.at + size))
        }
      }
      yield member
    }
    const rest = member.offset + padded(size) - window.position
    if (window.end - window.at >= rest) advance(window, rest)
    else {
      yield request.skip(rest)
      if (window.position < member.offset + padded(size))
        throw truncated(window, member, (window.length ?? window.position) - member.offset)
    }
  }
}

/** Skips another block of a sparse member's map; its last field says whether one more follows. */
function* passMap(
  window: Window,
  headers: Headers,
  request: Request,
): Generator<Request, void, void> {
  const { member } = headers
  if (window.end - window.at < BLOCK) yield request.fill(BLOCK)
  if (window.end - window.at < BLOCK) throw truncated(window, member, 0)
  headers.isMapContinued = window.bytes[window.at + 504] === 1
  member.offset += BLOCK
  advance(window, BLOCK)
}

function advance(window: Window, bytes: number): void {
  window.at += bytes
  window.position += bytes
}

/**
 * Memory that is shared with nothing, so that it can be transferred. It is not cleared, because it
 * is filled at once.
 */
function newBytes(size: number): Uint8Array {
  const { buffer } = Buffer.allocUnsafeSlow(size)
  return new Uint8Array(buffer)
}

/** Memory for data that are not contiguous in the window. */
class MemberMemory {
  private readonly isReused: boolean
  private bytes: Uint8Array = new Uint8Array(0)

  constructor(isReused: boolean) {
    this.isReused = isReused
  }

  take(size: number): Uint8Array {
    if (!this.isReused) return newBytes(size)
    if (this.bytes.length < size) this.bytes = newBytes(Math.max(size, 2 * this.bytes.length))
    return this.bytes.subarray(0, size)
  }
}

function viewOf({ bytes, at }: Window, size: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, size)
}

/** Reads data that are not entirely in the window. */
function* readLarge(
  window: Window,
  member: MutableMember,
  request: Request,
  memory: MemberMemory,
): Generator<Request, Uint8Array, void> {
  const { size, offset } = member
  // A wrong length must not allocate gigabytes. If the size of the archive is known, the length has
  // been checked.
  const trusted = window.length === undefined ? Math.min(size, MAX_TRUSTED) : size
  let data = memory.take(trusted)
  for (let filled = 0; ; ) {
    yield request.read(filled === 0 ? data : data.subarray(filled))
    if (window.position - offset < data.length)
      throw truncated(window, member, window.position - offset)
    filled = data.length
    if (filled === size) return data
    const larger = memory.take(Math.min(size, filled * 2))
    larger.set(data)
    data = larger
  }
}

function isWanted(filter: (header: TarHeader) => boolean, member: MutableMember): boolean {
  const answer: unknown = filter(member)
  if (typeof answer === 'boolean') return answer
  // A promise would be truthy.
  throw badOption('filter', 'a function that returns true or false', answer)
}

/**
 * At a block of zeros, or a blank one: whether the archive ends here. The marker is two blocks of
 * zeros. One is enough, and bytes after it are ignored, as in GNU tar, Python and libarchive.
 * Another archive there is an error.
 */
function* isAtEnd(
  window: Window,
  headers: Headers,
  request: Request,
  plan: Plan,
): Generator<Request, boolean, void> {
  if (headers.isExtended) throw dangling(window)
  const start = window.position
  for (;;) {
    if (window.end - window.at < BLOCK) yield request.fill(BLOCK)
    const hasMarker = window.position - start >= 2 * BLOCK
    if (window.end - window.at < BLOCK) {
      if (!hasMarker) endWithoutMarker(window, headers, plan)
      return true
    }
    const verdict = verifyBlock(window.bytes, window.words, window.at)
    if (verdict === 'zero') {
      advance(window, BLOCK)
      const most = window.length === undefined ? MAX_STREAM_TAIL : MAX_TAIL
      if (!plan.concatenated && window.position - start > most) return true
      continue
    }
    if (verdict && plan.concatenated) return false
    if (verdict || plan.concatenated) {
      const problem = verdict
        ? 'another archive follows the end of the first; `concatenated: true` reads on'
        : 'garbage follows a block of zeros'
      throw archiveError('ERR_DECODE', window.archive, problem, { offset: window.position })
    }
    if (!hasMarker && plan.requireEndMarker) throw withoutMarker(window)
    // Reads to the end, so that a damaged compressed stream or a failing download is noticed.
    if (window.length === undefined) yield request.skip(MAX_STREAM_TAIL)
    return true
  }
}

/**
 * The archive ends at the position of a header. GNU tar accepts that as its end, also if less than
 * a block of zeros or white space follows.
 */
function endWithoutMarker(window: Window, headers: Headers, plan: Plan): void {
  const { archive, position } = window
  const left = window.end - window.at
  if (position === 0 && left === 0) throw archiveError('ERR_DECODE', archive, 'is empty')
  if (left > 0 && (position === 0 || !isBlank(window.bytes, window.at, window.end))) {
    const problem =
      position === 0
        ? 'not a tar archive: it is shorter than a block'
        : 'is truncated: it ends in a header'
    throw archiveError('ERR_DECODE', archive, `${problem} (${left} of ${BLOCK} bytes)`, {
      offset: position,
    })
  }
  if (headers.isExtended) throw dangling(window)
  if (plan.requireEndMarker) throw withoutMarker(window)
}

function withoutMarker({ archive, position }: Window): ArchiveError {
  return archiveError('ERR_DECODE', archive, 'is truncated: its end marker is missing', {
    offset: position,
  })
}

function dangling({ archive, position }: Window): ArchiveError {
  const problem = 'an extended header is followed by no member'
  return archiveError('ERR_DECODE', archive, problem, { offset: position })
}

function truncated(
  { archive }: Window,
  { path, size, offset }: MutableMember,
  got: number,
): ArchiveError {
  const problem =
    got < size
      ? `is truncated: ${Math.max(0, got)} of ${size} bytes are there`
      : 'is truncated: its padding is missing'
  return archiveError('ERR_DECODE', archive, problem, { member: path, offset })
}

function tooLarge(
  { archive }: Window,
  { path, size, offset }: MutableMember,
  plan: Plan,
): ArchiveError {
  const problem = `has ${size} bytes, more than \`maxMemberBytes\` (${plan.maxMemberBytes}); streamTar gives it in pieces`
  return archiveError('ERR_TOO_LARGE', archive, problem, { member: path, offset })
}
