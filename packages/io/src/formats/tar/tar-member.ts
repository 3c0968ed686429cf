/**
 * What a member is. `'link'` is a hard link to an earlier member. `'other'` is what the standard
 * leaves to vendors, as Solaris' access lists and GNU tar's lists of folders are.
 */
export type TarMemberType =
  | 'file'
  | 'directory'
  | 'link'
  | 'symlink'
  | 'characterDevice'
  | 'blockDevice'
  | 'fifo'
  | 'other'

/** Every {@link TarMemberType}. */
export const TAR_MEMBER_TYPES: readonly TarMemberType[] = [
  'file',
  'directory',
  'link',
  'symlink',
  'characterDevice',
  'blockDevice',
  'fifo',
  'other',
]

/** What the header of a member says. */
export interface TarHeader {
  /**
   * As stored: nothing is resolved, an archive may say `../../etc/passwd`. Names that are not UTF-8
   * are read as Latin-1. The slash after a directory's name is left out.
   */
  readonly path: string
  readonly type: TarMemberType
  /** Bytes of data. 0 for links, directories and devices. */
  readonly size: number
  /**
   * Where the data begins, in bytes from the beginning of the archive; of a compressed one, in what
   * it decompresses to.
   */
  readonly offset: number
  /** Permission bits, `0o644` for example. */
  readonly mode: number
  /** Time of the last change; fractions of a second, which pax headers have, to the millisecond. */
  readonly mtime: Date
  /** What a `'link'` or `'symlink'` points to, as stored. */
  readonly linkPath: string | undefined
}

/** A member with its data. A plain object: it can be posted to other threads. */
export interface TarMember extends TarHeader {
  readonly data: Uint8Array
}
