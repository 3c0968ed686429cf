import { clip, width } from '../../cells.ts'

/** The style of a text. */
export type Tone = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'

const CODES: Readonly<Record<Tone, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
}

/** A part of a line: its text, and its style if there are colours. */
export type TextPiece = string | readonly [text: string, ...tones: Tone[]]

/** Joins pieces to one line of at most `most` cells. */
export function line(pieces: readonly TextPiece[], most: number, hasColors: boolean): string {
  let [left, out] = [most, '']
  for (const piece of pieces) {
    const [text, ...tones] = typeof piece === 'string' ? [piece] : piece
    const fitting = clip(text, left)
    left -= width(fitting)
    const codes = (tones as Tone[]).map((tone) => CODES[tone]).join(';')
    out += hasColors && codes !== '' && fitting !== '' ? `\x1b[${codes}m${fitting}\x1b[0m` : fitting
    if (left <= 0) break
  }
  return out
}
