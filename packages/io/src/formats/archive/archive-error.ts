import { MediaError, type MediaErrorCode } from '../../base/errors.ts'

/** The place of a fault in an archive. */
export interface ArchivePlace {
  /** Path of the member, if it is known. */
  readonly member?: string | undefined
  /**
   * Position in the archive, in bytes. For a compressed tar, the position in the decompressed data.
   */
  readonly offset?: number | undefined
}

/** A fault of an archive or of one of its members. `source` names the archive. */
export class ArchiveError extends MediaError {
  override readonly name: string = 'ArchiveError'
  /** Path of the faulty member; `undefined` if it is unknown or the fault is not in a member. */
  readonly member: string | undefined
  /**
   * Position of the fault in the archive, in bytes. For a compressed tar, the position in the
   * decompressed data. `undefined` if the fault has no position.
   */
  readonly offset: number | undefined

  constructor(
    code: MediaErrorCode,
    message: string,
    options: ErrorOptions & ArchivePlace & { readonly source: string },
  ) {
    super(code, message, options)
    this.member = options.member
    this.offset = options.offset
  }
}

/** Builds the error of an archive: `shard.tar: member "7.jpg" at byte 1024: is truncated: …`. */
export function archiveError(
  code: MediaErrorCode,
  archive: string,
  problem: unknown,
  place: ArchivePlace = {},
): ArchiveError {
  const { member, offset } = place
  const where = [
    ...(member === undefined ? [] : [`member ${JSON.stringify(shorten(member))}`]),
    ...(offset === undefined ? [] : [`at byte ${offset}`]),
  ].join(' ')
  const text = problem instanceof Error ? problem.message : String(problem)
  return new ArchiveError(code, `${archive}: ${where === '' ? '' : `${where}: `}${text}`, {
    source: archive,
    ...place,
    ...(problem instanceof Error ? { cause: problem } : {}),
  })
}

function shorten(path: string): string {
  return path.length > 200 ? `${path.slice(0, 100)}…${path.slice(-99)}` : path
}
