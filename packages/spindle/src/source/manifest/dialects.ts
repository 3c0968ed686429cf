import type { Json } from '../../engine/seekable.ts'
import { parseFields } from './manifest-fields.ts'

/**
 * Finds where records end in bytes that come in pieces. Each byte is looked at once, however long a
 * record is.
 */
export interface RecordEnds {
  /**
   * The place after the record under way, its line break included; -1 if its end is not in `bytes`,
   * and then the next call is for what follows them.
   */
  next(bytes: Uint8Array, from: number): number
}

/** How records are written. */
export interface Dialect {
  /** Name, with what else decides how records are read. */
  readonly name: string
  /** What finds the ends of records, from the beginning of one on. */
  ends(): RecordEnds
  /**
   * Told the first record, if that is the names of columns. @throws Error saying what is wrong with
   * it
   */
  readonly readHeader?: ((text: string) => void) | undefined
  /** @throws Error saying what is wrong with the record, without its place */
  parse(text: string): Json
}

const [NEW_LINE, QUOTE] = [10, 34]

/** A JSON value a line (jsonlines.org). */
export function jsonlDialect(): Dialect {
  return {
    name: 'jsonl',
    ends: () => ({ next: (bytes, from) => bytes.indexOf(NEW_LINE, from) + 1 || -1 }),
    parse: (text) => JSON.parse(text) as Json,
  }
}

/** A table as RFC 4180 has it. Without `columns` its first record is their names. */
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
              throw new Error(`two columns are called ${JSON.stringify(double)}`)
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
 * As `parseFields` has it: a quote opens a field only at its beginning, and two of them in such a
 * field are one.
 */
class RowEnds implements RecordEnds {
  private readonly delimiter: number
  private isFieldStart = true
  private isQuoted = false
  /** A quote in a quoted field: the next byte tells whether the field ends. */
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
