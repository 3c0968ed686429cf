export { plain } from '../../plain-text.ts'

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** East Asian wide and fullwidth forms, and emoji: two cells in every terminal that knows them. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}])/u

/** Cells that a line without escape sequences takes. */
export function width(text: string): number {
  let cells = 0
  for (const { segment } of segmenter.segment(text)) cells += WIDE.test(segment) ? 2 : 1
  return cells
}

/** The text in at most `most` cells, with an ellipsis if it is cut. */
export function clip(text: string, most: number): string {
  if (width(text) <= most) return text
  let [cells, kept] = [0, '']
  for (const { segment } of segmenter.segment(text)) {
    cells += WIDE.test(segment) ? 2 : 1
    if (cells > most - 1) break
    kept += segment
  }
  return most > 0 ? `${kept}…` : ''
}

/** The text in lines of at most `most` cells, broken between words; what was indented stays so. In one line if `most` is `undefined`. */
export function wrap(text: string, most: number | undefined): string[] {
  if (most === undefined || width(text) <= most) return [text]
  const indent = /^ */.exec(text)?.[0] ?? ''
  const lines: string[] = []
  let line = indent
  for (const word of text.trim().split(' ')) {
    const isFirst = line === indent || line === `${indent}  `
    if (!isFirst && width(line) + 1 + width(word) > most) {
      lines.push(line)
      line = `${indent}  ${word}`
    } else line += isFirst ? word : ` ${word}`
  }
  return [...lines, line]
}

/** The text in exactly `cells` cells. */
export function padEnd(text: string, cells: number): string {
  const clipped = clip(text, cells)
  return clipped + ' '.repeat(cells - width(clipped))
}

/** Likewise, to the right. */
export function padStart(text: string, cells: number): string {
  const clipped = clip(text, cells)
  return ' '.repeat(cells - width(clipped)) + clipped
}

/** How a piece of text looks. */
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

/** A piece of a line: what it says, and how it looks where there are colours. */
export type Piece = string | readonly [text: string, ...tones: Tone[]]

/** Pieces in one line of at most `most` cells. */
export function line(pieces: readonly Piece[], most: number, hasColors: boolean): string {
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
