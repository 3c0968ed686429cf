/** A record: its text, if it has no quotes; otherwise its fields. */
export type CsvRecord = string | readonly string[]

/** What a text of a table holds. */
export interface SplitText {
  readonly records: readonly CsvRecord[]
  /** The last record, if its quotes have not ended. */
  readonly rest: string
  /** What is wrong with the record behind {@link records}. */
  readonly problem?: string
}

/**
 * Divides a text into records (RFC 4180). A quote opens a field only at its beginning, and two
 * quotes in such a field stand for one. Empty lines are no records.
 *
 * @param isEnd whether nothing comes after the text
 */
export function splitRecords(
  text: string,
  { delimiter, quote }: { readonly delimiter: string; readonly quote: string },
  isEnd: boolean,
): SplitText {
  if (quote === '' || !text.includes(quote)) return { records: plainRecords(text), rest: '' }
  const records: CsvRecord[] = []
  const scan = new Scan(text, delimiter, quote)
  while (scan.at < text.length) {
    const start = scan.at
    const record = scan.record()
    if (record === undefined) {
      if (!isEnd) return { records, rest: text.slice(start) }
      return { records, rest: '', problem: 'a quoted field does not end' }
    }
    if (scan.problem !== undefined) return { records, rest: '', problem: scan.problem }
    if (record !== '') records.push(record)
  }
  return { records, rest: '' }
}

function plainRecords(text: string): string[] {
  const lines = text.split('\n')
  // A text that ends with a line break has nothing behind it.
  if (lines.at(-1) === '') lines.pop()
  let hasBlank = false
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string
    if (line.charCodeAt(line.length - 1) === 13) lines[i] = line.slice(0, -1)
    hasBlank ||= lines[i] === ''
  }
  return hasBlank ? lines.filter((line) => line !== '') : lines
}

class Scan {
  readonly #text: string
  readonly #delimiter: string
  readonly #quote: string
  at = 0
  problem: string | undefined
  /** The next quote and line break; looked for again when they are passed. */
  #nextQuote = -1
  #nextLine = -1

  constructor(text: string, delimiter: string, quote: string) {
    this.#text = text
    this.#delimiter = delimiter
    this.#quote = quote
  }

  /** The next record; `undefined` if its quotes do not end in the text. */
  record(): CsvRecord | undefined {
    const text = this.#text
    const end = this.#lineEnd()
    if (this.#nextQuote < this.at) {
      const found = text.indexOf(this.#quote, this.at)
      this.#nextQuote = found === -1 ? text.length : found
    }
    if (this.#nextQuote >= end) {
      const line = text.slice(this.at, text[end - 1] === '\r' && end > this.at ? end - 1 : end)
      this.at = end + 1
      return line
    }
    const fields: string[] = []
    for (;;) {
      const field = text[this.at] === this.#quote ? this.#quoted() : this.#plain()
      if (field === undefined) return undefined
      fields.push(field)
      if (this.problem !== undefined) return fields
      if (text[this.at] !== this.#delimiter) break
      this.at++
    }
    if (text[this.at] === '\r') this.at++
    this.at++
    return fields.length === 1 && fields[0] === '' && text[this.at - 2] !== this.#quote
      ? ''
      : fields
  }

  #lineEnd(): number {
    if (this.#nextLine < this.at) {
      const found = this.#text.indexOf('\n', this.at)
      this.#nextLine = found === -1 ? this.#text.length : found
    }
    return this.#nextLine
  }

  #plain(): string {
    const text = this.#text
    let end = this.#lineEnd()
    const delimiter = text.indexOf(this.#delimiter, this.at)
    const isLast = delimiter === -1 || delimiter > end
    if (!isLast) end = delimiter
    else if (text[end - 1] === '\r' && end > this.at) end--
    const field = text.slice(this.at, end)
    this.at = end
    return field
  }

  #quoted(): string | undefined {
    const text = this.#text
    let field = ''
    for (;;) {
      const close = text.indexOf(this.#quote, this.at + 1)
      if (close === -1) return undefined
      field += text.slice(this.at + 1, close)
      this.at = close + 1
      if (text[this.at] !== this.#quote) break
      field += this.#quote
    }
    const next = text[this.at]
    const isEnd =
      next === undefined ||
      next === this.#delimiter ||
      next === '\n' ||
      (next === '\r' && (text[this.at + 1] === '\n' || text[this.at + 1] === undefined))
    if (!isEnd) this.problem = 'there are characters after the end of a quoted field'
    return field
  }
}
