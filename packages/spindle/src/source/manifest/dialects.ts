import type { Json } from '../../engine/seekable.ts'
import { parseFields } from './fields.ts'

/** How records are written. */
export interface Dialect {
  /** Name, with what else decides how records are read. */
  readonly name: string
  /** The place after the record that begins at `from`, its line break included; -1 if its end is not in `bytes`. */
  endOf(bytes: Uint8Array, from: number): number
  /** Told the first record, if that is the names of columns. @throws Error saying what is wrong with it */
  readonly readHeader?: ((text: string) => void) | undefined
  /** @throws Error saying what is wrong with the record, without its place */
  parse(text: string): Json
}

const [NEW_LINE, QUOTE] = [10, 34]

/** A JSON value a line (jsonlines.org). */
export function jsonlDialect(): Dialect {
  return {
    name: 'jsonl',
    endOf: (bytes, from) => bytes.indexOf(NEW_LINE, from) + 1 || -1,
    parse: (text) => JSON.parse(text) as Json,
  }
}

/** A table as RFC 4180 has it. Without `columns` its first record is their names. */
export function tableDialect(format: string, delimiter: string, columns?: readonly string[]): Dialect {
  let names = columns
  return {
    name: `${format} ${JSON.stringify(delimiter)}${columns === undefined ? '' : ` ${JSON.stringify(columns)}`}`,
    endOf: (bytes, from) => endOfRow(bytes, from, delimiter.charCodeAt(0)),
    readHeader:
      columns === undefined
        ? (text) => {
            names = parseFields(text, delimiter)
            const double = names.find((name, index) => names!.indexOf(name) !== index)
            if (double !== undefined) throw new Error(`two columns are called ${JSON.stringify(double)}`)
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

/** As `parseFields` has it: a quote opens a field only at its beginning. */
function endOfRow(bytes: Uint8Array, from: number, delimiter: number): number {
  let isQuoted = false
  let isFieldStart = true
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i]
    if (isQuoted) {
      if (byte !== QUOTE) continue
      if (bytes[i + 1] === QUOTE) i++
      else isQuoted = false
    } else if (byte === NEW_LINE) return i + 1
    else if (byte === QUOTE && isFieldStart) isQuoted = true
    isFieldStart = !isQuoted && byte === delimiter
  }
  return -1
}
