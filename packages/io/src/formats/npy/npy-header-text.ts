import { MediaError } from '../../base/errors.ts'

/** The three fields of a header. `descr` is an object for structured dtypes. */
export interface HeaderFields {
  readonly descr: string | { readonly text: string }
  readonly isFortran: boolean
  readonly shape: readonly number[]
}

/**
 * A string (Python 2 may have written `u'…'`), `True` or `False`, an integer (Python 2 wrote `3L`),
 * or punctuation.
 */
const TOKEN = /\s*(?:u?'([^'\\]*)'|u?"([^"\\]*)"|(True|False)|(\d+)L?|([{}()[\],:]))/y

interface Token {
  readonly kind: 'string' | 'boolean' | 'integer' | 'sign'
  readonly text: string
}

/**
 * Parses the text of an npy header: a Python dict literal of exactly `descr`, `fortran_order` and
 * `shape`, in any order. Nothing is evaluated.
 *
 * @throws MediaError `ERR_DECODE`
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseHeaderText(text: string): HeaderFields {
  const tokens = new Tokens(text)
  const fields: { descr?: HeaderFields['descr']; fortran_order?: boolean; shape?: number[] } = {}
  tokens.expect('{')
  while (!tokens.skip('}')) {
    const key = tokens.take('string', 'a field')
    if (Object.hasOwn(fields, key)) throw fault(`the field '${key}' twice`, text)
    tokens.expect(':')
    if (key === 'descr')
      fields.descr = tokens.peeksAt('string') ? tokens.take('string', key) : tokens.takeList()
    else if (key === 'fortran_order') fields.fortran_order = tokens.take('boolean', key) === 'True'
    else if (key === 'shape') fields.shape = takeShape(tokens)
    else throw fault(`an unknown field '${key}'`, text)
    if (!tokens.skip(',')) {
      tokens.expect('}')
      break
    }
  }
  tokens.expectEnd()
  const { descr, fortran_order: isFortran, shape } = fields
  if (descr === undefined || isFortran === undefined || shape === undefined) {
    throw fault('not all of descr, fortran_order and shape', text)
  }
  return { descr, isFortran, shape }
}

/** `()`, `(3,)`, `(3, 4)`. */
function takeShape(tokens: Tokens): number[] {
  const shape: number[] = []
  tokens.expect('(')
  while (!tokens.skip(')')) {
    shape.push(Number(tokens.take('integer', 'a number of the shape')))
    if (tokens.skip(',')) continue
    // One number in parentheses is no tuple.
    if (shape.length === 1) tokens.expect(',')
    tokens.expect(')')
    break
  }
  return shape
}

class Tokens {
  private readonly text: string
  private at = 0
  private next: Token | undefined

  constructor(text: string) {
    this.text = text
    this.next = this.read()
  }

  peeksAt(kind: Token['kind']): boolean {
    return this.next?.kind === kind
  }

  take(kind: Token['kind'], what: string): string {
    const token = this.next
    if (token?.kind !== kind) throw fault(`no ${kind} for ${what}`, this.text)
    this.next = this.read()
    return token.text
  }

  skip(sign: string): boolean {
    if (this.next?.kind !== 'sign' || this.next.text !== sign) return false
    this.next = this.read()
    return true
  }

  expect(sign: string): void {
    if (!this.skip(sign)) throw fault(`no '${sign}' where one must be`, this.text)
  }

  expectEnd(): void {
    if (this.next !== undefined || this.text.slice(this.at).trim() !== '') {
      throw fault('more than one dict', this.text)
    }
  }

  /** The verbatim text of a bracketed list: the description of a structured dtype. */
  takeList(): { text: string } {
    const start = this.at - 1
    if (!this.skip('[')) throw fault('neither a string nor a list for descr', this.text)
    for (let depth = 1; depth > 0; ) {
      if (this.next === undefined) throw fault('a list without an end', this.text)
      if (this.skip('[')) depth++
      else if (this.skip(']')) depth--
      else this.next = this.read()
    }
    // One token was read ahead, up to the comma or brace after the list.
    const end = this.text.lastIndexOf(']', this.at - 1)
    return { text: this.text.slice(start, end + 1) }
  }

  private read(): Token | undefined {
    TOKEN.lastIndex = this.at
    const match = TOKEN.exec(this.text)
    if (match === null) return undefined
    this.at = TOKEN.lastIndex
    const [, single, double, boolean, integer, sign] = match
    if (boolean !== undefined) return { kind: 'boolean', text: boolean }
    if (integer !== undefined) return { kind: 'integer', text: integer }
    if (sign !== undefined) return { kind: 'sign', text: sign }
    return { kind: 'string', text: (single ?? double)! }
  }
}

function fault(problem: string, text: string): MediaError {
  const shown = text.trim().slice(0, 120)
  return new MediaError('ERR_DECODE', `a damaged header (${problem}): ${JSON.stringify(shown)}`)
}
