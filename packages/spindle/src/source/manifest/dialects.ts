import type { Json } from '../../engine/seekable.ts'

/**
 * Finds where records end in bytes that arrive in pieces. It looks at each byte once, however long
 * a record is.
 */
export interface RecordEnds {
  /**
   * The position after the current record, including its line break; -1 if the record does not end
   * in `bytes`. The next call then gets the bytes that follow.
   */
  next(bytes: Uint8Array, from: number): number
}

/** How records are written in a file. */
export interface Dialect {
  /** Name of the dialect, with everything else that decides how records are read. */
  readonly name: string
  /** Makes an object that finds the ends of records, starting at the beginning of a record. */
  ends(): RecordEnds
  /**
   * Gets the first record if it holds the names of columns.
   *
   * @throws Error that says what is wrong with it
   */
  readonly readHeader?: ((text: string) => void) | undefined
  /** @throws Error that says what is wrong with the record, without its position */
  parse(text: string): Json
}

const [NEW_LINE, QUOTE] = [10, 34]

/** One JSON value per line (jsonlines.org). */
export function jsonlDialect(): Dialect {
  return {
    name: 'jsonl',
    ends: () => ({ next: (bytes, from) => bytes.indexOf(NEW_LINE, from) + 1 || -1 }),
    parse: (text) => JSON.parse(text) as Json,
  }
}

/** A table in RFC 4180 format. Without `columns`, its first record holds the column names. */
export function tableDialect(
  format: string,
  delimiter: string,
  columns?: readonly string[],
): Dialect {
  let names = columns
  return {
    name: `${format} ${JSON.stringify(delimiter)}${columns === undefined ? '' : ` ${JSON.stringify(columns)}`}`,
    ends: () => new RowEnds(delimiter.charCodeAt(0)),
    readHeader:
      columns === undefined
        ? (text) => {
            names = parseFields(text, delimiter)
            const seen = new Set<string>()
            const double = names.find((name) => seen.size === seen.add(name).size)
            if (double !== undefined)
              throw new Error(`two columns have the name ${JSON.stringify(double)}`)
          }
        : undefined,
    parse(text) {
      const fields = parseFields(text, delimiter)
      if (fields.length !== names!.length)
        throw new Error(`${fields.length} fields, but ${names!.length} columns`)
      return Object.fromEntries(fields.map((field, index) => [names![index]!, field]))
    },
  }
}

/**
 * Follows the rules of `parseFields`: a quote opens a field only at the field's beginning, and two
 * quotes in such a field stand for one.
 */
class RowEnds implements RecordEnds {
  private readonly delimiter: number
  private isFieldStart = true
  private isQuoted = false
  /** After a quote in a quoted field: the next byte tells whether the field ends. */
  private isAfterQuote = false

  constructor(delimiter: number) {
    this.delimiter = delimiter
  }

  next(bytes: Uint8Array, from: number): number {
    const { delimiter } = this
    let { isFieldStart, isQuoted, isAfterQuote } = this
    let end = -1
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i]
      if (isQuoted && !isAfterQuote) {
        isAfterQuote = byte === QUOTE
        continue
      }
      if (isAfterQuote) {
        isAfterQuote = false
        if (byte === QUOTE) continue
        isQuoted = false
      }
      if (byte === NEW_LINE) {
        isFieldStart = true
        end = i + 1
        break
      }
      isQuoted = byte === QUOTE && isFieldStart
      isFieldStart = byte === delimiter
    }
    this.isFieldStart = isFieldStart
    this.isQuoted = isQuoted
    this.isAfterQuote = isAfterQuote
    return end
  }
}

/**
 * The fields of one record of a table (RFC 4180). The record has no line break at its end. A quote
 * inside a field that does not begin with one is an ordinary character.
 *
 * @throws Error for a quoted field that does not end, or that has something after its end
 */
function parseFields(record: string, delimiter: string): string[] {
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
      if (record[at] !== delimiter)
        throw new Error('there are characters after the end of a quoted field')
    } else {
      const end = record.indexOf(delimiter, at)
      fields.push(record.slice(at, end === -1 ? undefined : end))
      if (end === -1) return fields
      at = end
    }
    at++
  }
}
