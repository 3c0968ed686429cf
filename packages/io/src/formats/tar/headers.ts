import { type ArchiveError, archiveError } from '../archive/archive-error.ts'
import { BLOCK, isBlank, readNumber, readText, verifyBlock } from './fields.ts'
import { IS_SPARSE, type PaxRecords, readPax } from './pax.ts'
import type { TarMemberType } from './tar-member.ts'
import type { Window } from './tar-window.ts'

/**
 * Longest body of an extension header. The longest names that systems know are 4 KB; pax headers
 * carry access lists too.
 */
const MAX_EXTENSION = 1024 * 1024
/** Longest total of the extensions in front of one member. */
const MAX_EXTENSIONS = 4 * MAX_EXTENSION

/** A member while it is assembled from its headers. The reader fills in `data`. */
export interface MutableMember {
  path: string
  type: TarMemberType
  size: number
  offset: number
  mode: number
  mtime: Date
  linkPath: string | undefined
  data: Uint8Array
}

/**
 * Assembles members from their header blocks: any number of extension headers, then the member's
 * own.
 */
export class Headers {
  /** The member of the last block. */
  member: MutableMember = NO_MEMBER
  /**
   * Size of the body of the last block, if that was an extension. The caller passes the body to
   * {@link extend}.
   */
  extensionBytes = 0
  /** Why the data of the member cannot be read; the member can be skipped. */
  refusal: string | undefined
  /** Whether more blocks of a sparse member's map follow its header. */
  isMapContinued = false

  private readonly archive: string
  private readonly globals: PaxRecords = new Map()
  private extensionType = 0
  /** Total size of the extensions since the last member. */
  private extensionSum = 0
  private records: PaxRecords | undefined
  private longPath: string | undefined
  private longLink: string | undefined

  constructor(archive: string) {
    this.archive = archive
  }

  /** Whether an extension waits for its member. */
  get isExtended(): boolean {
    return this.records !== undefined || this.longPath !== undefined || this.longLink !== undefined
  }

  /**
   * Reads the block at `window.at`.
   *
   * @throws ArchiveError if it is not a header, or the header is not supported
   */
  read({ bytes, words, at, position }: Window): 'member' | 'extension' | 'zero' | 'blank' {
    const verdict = verifyBlock(bytes, words, at)
    if (verdict === 'zero') return 'zero'
    if (!verdict) {
      // Blank filling after the last member.
      if (position > 0 && isBlank(bytes, at, at + BLOCK)) return 'blank'
      throw this.notHeader(bytes, at, position)
    }
    const flag = bytes[at + 156]!
    if (isExtension(flag)) {
      const size = readNumber(bytes, at + 124, 12)
      if (!(size >= 0 && size <= MAX_EXTENSION)) {
        const problem = `an extended header says that it has ${size} bytes; at most ${MAX_EXTENSION} are read`
        throw archiveError('ERR_UNSUPPORTED', this.archive, problem, { offset: position })
      }
      this.extensionSum += size
      if (this.extensionSum > MAX_EXTENSIONS) {
        const problem = `the extended headers in front of a member have ${this.extensionSum} bytes or more; at most ${MAX_EXTENSIONS} are read`
        throw archiveError('ERR_TOO_LARGE', this.archive, problem, { offset: position })
      }
      this.extensionType = flag
      this.extensionBytes = size
      return 'extension'
    }
    this.member = this.readMember(bytes, at, position, flag)
    return 'member'
  }

  /**
   * Reads the body of an extension.
   *
   * @throws ArchiveError if it is malformed
   */
  extend({ bytes, at, position }: Window): void {
    const body = bytes.subarray(at, at + this.extensionBytes)
    if (this.extensionType === GNU_LONG_PATH) this.longPath = readText(body, 0, body.length)
    else if (this.extensionType === GNU_LONG_LINK) this.longLink = readText(body, 0, body.length)
    else {
      const isGlobal = this.extensionType === PAX_GLOBAL
      if (!isGlobal) this.records ??= new Map(this.globals)
      const records = isGlobal ? this.globals : (this.records ?? this.globals)
      const problem = readPax(body, records)
      if (problem !== undefined) {
        throw archiveError('ERR_DECODE', this.archive, `a damaged pax header: ${problem}`, {
          offset: position,
        })
      }
    }
  }

  private readMember(bytes: Buffer, at: number, position: number, flag: number): MutableMember {
    let path = readText(bytes, at, 100)
    let size = readNumber(bytes, at + 124, 12)
    let mtimeMs = readNumber(bytes, at + 136, 12) * 1000
    let type: TarMemberType =
      flag === FILE || flag === GNU_SPARSE || flag === GNU_CONTINUED
        ? 'file'
        : (TYPES.get(flag) ?? 'other')
    let linkPath =
      type === 'link' || type === 'symlink' ? readText(bytes, at + 157, 100) : undefined
    // "ustar\0" has a prefix for long names; GNU's "ustar  \0" has times there.
    if (
      bytes[at + 345] !== 0 &&
      bytes[at + 262] !== 0x20 &&
      bytes.toString('latin1', at + 257, at + 262) === 'ustar'
    )
      path = `${readText(bytes, at + 345, 155)}/${path}`
    if (this.longPath !== undefined) path = this.longPath
    if (this.longLink !== undefined && linkPath !== undefined) linkPath = this.longLink
    const records = this.records ?? (this.globals.size > 0 ? this.globals : undefined)
    this.refusal = flag === GNU_SPARSE ? SPARSE : flag === GNU_CONTINUED ? CONTINUED : undefined
    this.isMapContinued = flag === GNU_SPARSE && bytes[at + 482] === 1
    if (records !== undefined) {
      path = records.get('path') ?? path
      if (linkPath !== undefined) linkPath = records.get('linkpath') ?? linkPath
      size = decimal(records.get('size')) ?? size
      mtimeMs = (decimal(records.get('mtime')) ?? mtimeMs / 1000) * 1000
      const sparseName = records.get('GNU.sparse.name')
      path = sparseName ?? path
      if (sparseName !== undefined || records.has(IS_SPARSE)) this.refusal = SPARSE
    }
    this.records = this.longPath = this.longLink = undefined
    this.extensionSum = 0

    if (path === '')
      throw archiveError('ERR_DECODE', this.archive, 'a member has no name', { offset: position })
    if (
      path.charCodeAt(path.length - 1) === SLASH &&
      (type === 'directory' || flag === 0 || flag === FILE)
    ) {
      type = 'directory'
      path = path.replace(/\/+$/, '') || '/'
    }
    if (type !== 'file' && type !== 'other') size = 0
    if (!(size >= 0 && Number.isSafeInteger(position + BLOCK + size + BLOCK))) {
      const problem = Number.isNaN(size)
        ? 'its size is not a number'
        : `its size is said to be ${size} bytes`
      throw archiveError('ERR_DECODE', this.archive, problem, { member: path, offset: position })
    }
    const mode = readNumber(bytes, at + 100, 8)
    return {
      path,
      type,
      size,
      offset: position + BLOCK,
      // These are not worth an error: only the size decides where the next member is.
      mode: mode & 0o7777,
      mtime: new Date(mtimeMs),
      linkPath,
      data: NO_DATA,
    }
  }

  private notHeader(bytes: Buffer, at: number, position: number): ArchiveError {
    const head = bytes.toString('hex', at, at + 8).replace(/..(?!$)/g, '$& ')
    const problem =
      position === 0
        ? `not a tar archive: it begins with ${head}`
        : `not a header: its checksum is wrong. It begins with ${head}`
    return archiveError(
      'ERR_DECODE',
      this.archive,
      problem,
      position === 0 ? {} : { offset: position },
    )
  }
}

const FILE = 0x30 // '0'; files of v7 have NUL
const SLASH = 0x2f
const GNU_LONG_PATH = 0x4c // 'L'
const GNU_LONG_LINK = 0x4b // 'K'
const GNU_SPARSE = 0x53 // 'S'
const GNU_CONTINUED = 0x4d // 'M'
const PAX = 0x78 // 'x'
const PAX_SOLARIS = 0x58 // 'X'
const PAX_GLOBAL = 0x67 // 'g'

const TYPES: ReadonlyMap<number, TarMemberType> = new Map([
  [0, 'file'],
  [0x30, 'file'],
  [0x31, 'link'],
  [0x32, 'symlink'],
  [0x33, 'characterDevice'],
  [0x34, 'blockDevice'],
  [0x35, 'directory'],
  [0x36, 'fifo'],
  [0x37, 'file'], // "contiguous"
])

const SPARSE = 'is a sparse file, which is not supported; pack it without --sparse'
const CONTINUED = 'begins in another volume; archives of several volumes are not supported'

const NO_DATA = new Uint8Array(0)
const NO_MEMBER: MutableMember = {
  path: '',
  type: 'other',
  size: 0,
  offset: 0,
  mode: 0,
  mtime: new Date(0),
  linkPath: undefined,
  data: NO_DATA,
}

function isExtension(flag: number): boolean {
  return (
    flag === PAX ||
    flag === GNU_LONG_PATH ||
    flag === GNU_LONG_LINK ||
    flag === PAX_GLOBAL ||
    flag === PAX_SOLARIS
  )
}

/** A decimal number of a pax header. */
function decimal(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  return /^-?\d+(\.\d*)?$/.test(text) ? Number(text) : Number.NaN
}
