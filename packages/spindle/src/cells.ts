// Text widths on terminals, where a character takes one or two cells.

let segmenter: Intl.Segmenter | undefined
/**
 * East Asian wide and fullwidth forms, and emoji. They take two cells in terminals that support
 * them.
 */
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}])/u

/** A segmenter takes 11 ms of CPU time to make, so it is made when a text is to be shown. */
function segmentsOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return segmenter.segment(text)
}

function cellsOf(segment: string): number {
  return WIDE.test(segment) ? 2 : 1
}

/** The number of cells of a line without escape sequences. */
export function width(text: string): number {
  let cells = 0
  for (const { segment } of segmentsOf(text)) cells += cellsOf(segment)
  return cells
}

/** Shortens the text to at most `most` cells, with an ellipsis at the end if it is cut. */
export function clip(text: string, most: number): string {
  if (width(text) <= most) return text
  let [cells, kept] = [0, '']
  for (const { segment } of segmentsOf(text)) {
    cells += cellsOf(segment)
    if (cells > most - 1) break
    kept += segment
  }
  return most > 0 ? `${kept}…` : ''
}

/**
 * Shortens the text to at most `most` cells by cutting its beginning, and puts an ellipsis there.
 * The ends of names and paths distinguish them.
 */
export function clipStart(text: string, most: number): string {
  if (width(text) <= most) return text
  let [cells, kept] = [0, '']
  for (const { segment } of [...segmentsOf(text)].reverse()) {
    cells += cellsOf(segment)
    if (cells > most - 1) break
    kept = segment + kept
  }
  return most > 0 ? `…${kept}` : ''
}

/**
 * Shortens names to at most `most` cells each. It keeps their ends or, if those are equal, the part
 * before the equal ends. Different names stay different if possible.
 */
export function cutNames(names: readonly string[], most: number): string[] {
  const cut = names.map((name) => clipStart(name, most))
  return cut.map((short, i) => {
    const name = names[i] as string
    const alike = names.filter((other, j) => cut[j] === short && other !== name)
    if (alike.length === 0) return short
    const same = Math.min(...alike.map((other) => sameEnd(name, other)))
    return most > 2 ? `${clipStart(name.slice(0, name.length - same), most - 1)}…` : short
  })
}

/** The length of the common ending of two texts. */
function sameEnd(one: string, other: string): number {
  let count = 0
  while (count < one.length && one.at(-1 - count) === other.at(-1 - count)) count++
  // Do not split a surrogate pair.
  return count > 0 && /[\udc00-\udfff]/.test(one.at(-count) ?? '') ? count - 1 : count
}

/**
 * Breaks the text into lines of at most `most` cells, between words. Indentation is kept, and words
 * longer than a line are split. One line if `most` is `undefined`.
 */
export function wrap(text: string, most: number | undefined): string[] {
  if (most === undefined || width(text) <= most) return [text]
  const indent = (/^ */.exec(text)?.[0] ?? '').slice(0, Math.max(0, most - 4))
  const further = most - indent.length > 4 ? `${indent}  ` : indent
  const lines: string[] = []
  let line = indent
  let isEmpty = true
  const begin = (): void => {
    lines.push(line)
    line = further
    isEmpty = true
  }
  for (const word of text.trim().split(' ')) {
    if (!isEmpty && width(line) + 1 + width(word) > most) begin()
    let rest = isEmpty ? word : ` ${word}`
    while (width(line) + width(rest) > most) {
      const [part, after] = broken(rest, most - width(line))
      line += part
      rest = after
      begin()
    }
    line += rest
    isEmpty = false
  }
  return [...lines, line]
}

/** Splits a text in two. The first part has at most `most` cells, but at least one character. */
function broken(text: string, most: number): readonly [string, string] {
  let [cells, at] = [0, 0]
  for (const { segment, index } of segmentsOf(text)) {
    cells += cellsOf(segment)
    if (cells > most && index > 0) break
    at = index + segment.length
  }
  return [text.slice(0, at), text.slice(at)]
}

/** Pads or cuts the text to exactly `cells` cells. */
export function padEnd(text: string, cells: number): string {
  const clipped = clip(text, cells)
  return clipped + ' '.repeat(cells - width(clipped))
}

/** Like {@link padEnd}, but aligned to the right. */
export function padStart(text: string, cells: number): string {
  const clipped = clip(text, cells)
  return ' '.repeat(cells - width(clipped)) + clipped
}
