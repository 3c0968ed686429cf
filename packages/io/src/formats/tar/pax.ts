import { decodeText } from './fields.ts'

/** The values of a pax header for the next member, for the supported keywords. */
export type PaxRecords = Map<string, string>

/**
 * The supported keywords. Others are dropped, because a global header may repeat any number of
 * them.
 */
const READ: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'mtime', 'GNU.sparse.name'])
const SPARSE = 'GNU.sparse.'
/** Stands for all other keywords of sparse files. */
export const IS_SPARSE = 'GNU.sparse'

/**
 * Reads the body of a pax header (POSIX.1-2001, "pax Header Block"): records `"%d %s=%s\n"`, where
 * the number is the length of the whole record. It puts them into `records`; an empty value removes
 * an earlier one.
 *
 * @returns what is wrong with the body, or `undefined`
 */
export function readPax(body: Buffer, records: PaxRecords): string | undefined {
  let at = 0
  while (at < body.length) {
    // Some writers pad with NULs.
    if (body[at] === 0 && body.subarray(at).every((byte) => byte === 0)) return undefined
    let length = 0
    let i = at
    for (; i < body.length && i < at + 10; i++) {
      const digit = body[i]! - 0x30
      if (digit < 0 || digit > 9) break
      length = length * 10 + digit
    }
    const end = at + length
    if (i === at || body[i] !== 0x20 || end > body.length || end <= i + 1 || body[end - 1] !== 0x0a)
      return `its record at byte ${at} has a wrong length`
    const equals = body.indexOf(0x3d, i)
    if (equals === -1 || equals >= end) return `its record at byte ${at} has no "="`
    const written = body.toString('latin1', i + 1, equals)
    const keyword = written.startsWith(SPARSE) && !READ.has(written) ? IS_SPARSE : written
    if (keyword !== IS_SPARSE && !READ.has(keyword)) {
      at = end
      continue
    }
    if (equals + 1 === end - 1) records.delete(keyword)
    else records.set(keyword, decodeText(body.subarray(equals + 1, end - 1)))
    at = end
  }
  return undefined
}
