// A seekable source over a table that is ordered by a unique key, with keyset pagination: a page is
// `WHERE key > last ORDER BY key LIMIT n`, which costs the same at the end of the table as at its
// beginning. Only to begin in the middle is one row found by `OFFSET`.
import { defineAsyncSource } from 'spindle/source'

/**
 * @template R, K
 * @typedef {object} KeyedTable a table of rows `R` with unique, ascending keys `K`
 * @property {string} name names the table in resume states
 * @property {() => Promise<K | undefined>} lastKey the largest key; undefined for an empty table
 * @property {(upTo: K) => Promise<number>} count number of rows with keys up to `upTo`
 * @property {(position: number) => Promise<K | undefined>} keyAt key of the row at a position
 * @property {(after: K | undefined, limit: number, upTo: K) => Promise<R[]>} page the next rows
 * @property {(row: R) => K} keyOf
 */

/**
 * The rows of a table by ascending key.
 *
 * Rows with keys up to `upTo` must neither come nor go during the job: a state that belongs to
 * another number of rows is refused. Rows behind it may, so a running job does not see what is
 * appended. Keep `upTo` of the first run for later ones (see job.mjs).
 *
 * @template R, K
 * @param {KeyedTable<R, K>} table
 * @param {{ upTo?: K, pageRows?: number }} options `upTo`: default the largest key; `pageRows`:
 *   rows of a query, default 1000
 */
export async function keysetSource(table, { upTo, pageRows = 1000 } = {}) {
  const last = upTo ?? (await table.lastKey())
  const size = last === undefined ? 0 : await table.count(last)
  return defineAsyncSource({
    size,
    description: { kind: 'keyset', table: table.name, upTo: String(last), size },
    async *pick(positions) {
      let rows = []
      let first = 0 // position of rows[0]
      for (const position of positions) {
        const end = first + rows.length
        if (position < first || position > end + pageRows) {
          const before = position === 0 ? undefined : await table.keyAt(position - 1)
          rows = await table.page(before, pageRows, last)
          first = position
        } else {
          while (position >= first + rows.length) {
            const before = rows.length === 0 ? undefined : table.keyOf(rows.at(-1))
            first += rows.length
            rows = await table.page(before, pageRows, last)
            if (rows.length === 0) break
          }
        }
        const row = rows[position - first]
        if (row === undefined)
          throw new Error(
            `${table.name} has fewer rows than before: no row at ${position} of ${size}`,
          )
        yield row
      }
    },
  })
}
