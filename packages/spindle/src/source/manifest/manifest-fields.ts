/**
 * The fields of one record of a table (RFC 4180). The record has no line break at its end. A quote
 * inside a field that does not begin with one is an ordinary character.
 *
 * @throws Error for a quoted field that does not end, or that has something after its end
 */
export function parseFields(record: string, delimiter: string): string[] {
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (record[at] === '"') {
      let field = ''
      for (;;) {
        const quote = record.indexOf('"', at + 1)
        if (quote === -1) throw new Error('a quoted field does not end')
        field += record.slice(at + 1, quote)
        at = quote + 1
        if (record[at] !== '"') break
        field += '"'
      }
      fields.push(field)
      if (at === record.length) return fields
      if (record[at] !== delimiter) throw new Error('a quoted field has something after its end')
    } else {
      const end = record.indexOf(delimiter, at)
      fields.push(record.slice(at, end === -1 ? undefined : end))
      if (end === -1) return fields
      at = end
    }
    at++
  }
}
