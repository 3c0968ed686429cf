import { badOption } from '../../base/errors.ts'
import { type ArchiveError, archiveError } from '../archive/archive-error.ts'
import { BLOCK, isBlank, padded, verifyBlock } from './fields.ts'
import { Headers, type MutableMember } from './headers.ts'
import type { TarHeader, TarMemberType } from './tar-member.ts'
import { Request, type Window } from './tar-window.ts'

/** What is wanted of the members. */
export interface Plan {
  /** Types to give. */
  readonly types: ReadonlySet<TarMemberType>
  readonly filter: ((header: TarHeader) => boolean) | undefined
  /** Most bytes of a member that is copied into memory of its own. */
  readonly maxMemberBytes: number
  readonly concatenated: boolean
  readonly requireEndMarker: boolean
  /** Whether data may be a view of what was read. */
  readonly givesViews: boolean
  /** Whether what was read may be overwritten once the next member is asked for. */
  readonly isReused: boolean
  /** Whether memory that was made for a member may be used for another one. */
  readonly reusesMemory: boolean
  /**
   * Whether the data is left where it is: what the receiver has not taken when it asks for the next
   * member is skipped.
   */
  readonly leavesData: boolean
}

/** What follows the end marker is looked at up to here, in archives whose rest could be skipped. */
const MAX_TAIL = 1024 * 1024
/** The same of what comes from beginning to end: it must come to its end, but may not have one. */
const MAX_STREAM_TAIL = 1024 ** 3
/** Room that is made for a member on its header's word alone. More is made as its bytes arrive. */
const MAX_TRUSTED = 64 * 1024 * 1024

/**
 * Walks an archive: gives its members, and between them requests, each of which must be served
 * before the walk goes on. Who serves them decides whether anything is waited for; so one walk does
 * for memory, files and streams, with and without promises.
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

/** One more block of a sparse member's map: its last field says whether another one follows. */
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
 * Memory that nobody else has a part of, so that it can be transferred; not cleared, as it is
 * filled at once.
 */
function newBytes(size: number): Uint8Array {
  const { buffer } = Buffer.allocUnsafeSlow(size)
  return new Uint8Array(buffer)
}

/** Memory for the data of members that do not lie in one piece. */
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

/** Data that is not in the window as a whole. */
function* readLarge(
  window: Window,
  member: MutableMember,
  request: Request,
  memory: MemberMemory,
): Generator<Request, Uint8Array, void> {
  const { size, offset } = member
  // A length that lies must not take gigabytes. Where the archive's length is known, it has been
  // checked.
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
  // A promise would count as true.
  throw badOption('filter', 'a function that returns true or false', answer)
}

/**
 * At a block of zeros, or a blank one: whether the archive ends here. The marker is two blocks of
 * zeros. One is enough, and anything after it is passed over, as GNU tar, Python and libarchive do.
 * But another archive there is not passed over in silence.
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
    // To the end, so that a damaged compressed stream or a failing download is noticed.
    if (window.length === undefined) yield request.skip(MAX_STREAM_TAIL)
    return true
  }
}

/**
 * The archive ends where a header could be. GNU tar takes that for its end, also where less than a
 * block of nothing follows.
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
