/**
 * The type of a member. `'link'` is a hard link to an earlier member. `'other'` is a type that the
 * standard leaves to vendors, such as the access lists of Solaris and the directory lists of GNU
 * tar.
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

/** The header of a member. */
export interface TarHeader {
  /**
   * The path as stored. Nothing is resolved: an archive may say `../../etc/passwd`. Names that are
   * not UTF-8 are decoded as Latin-1. The slash after a directory's name is removed.
   */
  readonly path: string
  /** Type of the member. */
  readonly type: TarMemberType
  /** Size of the data, in bytes. 0 for links, directories and devices. */
  readonly size: number
  /**
   * Offset of the data from the beginning of the archive, in bytes. For a compressed archive, the
   * offset in the decompressed data.
   */
  readonly offset: number
  /** Permission bits, such as `0o644`. */
  readonly mode: number
  /** Modification time, to the millisecond; pax headers have fractions of a second. */
  readonly mtime: Date
  /** The target of a `'link'` or `'symlink'`, as stored; `undefined` for other types. */
  readonly linkPath: string | undefined
}

/** A member with its data. It is a plain object and can be posted to other threads. */
export interface TarMember extends TarHeader {
  /** Its data; empty for links, directories and devices. */
  readonly data: Uint8Array
}
