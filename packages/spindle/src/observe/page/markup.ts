const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Escapes text for HTML and attributes, and removes control characters. Stage names and error
 * messages may contain anything.
 */
export function text(value: string): string {
  return value
    .replace(/[^\P{Cc}\t\n\r]/gu, '')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
}

/** {@link text} of a sentence, in which names of options stand between backticks. */
export function sentence(value: string): string {
  return text(value).replace(/`([^`]+)`/g, '<code>$1</code>')
}

/** Formats a number for a path or a length, with two decimals. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100)
}

/** A percentage of the width or height, from a share. */
export function share(value: number): string {
  return `${number(Math.min(1, Math.max(0, value)) * 100)}%`
}

/**
 * A table with headings. `cells` are HTML; the first of each row is its heading. The CSS class of a
 * column aligns numbers to the right.
 */
export function table(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const head = headings.map((heading) => `<th scope="col">${heading}</th>`).join('')
  const body = rows.map(
    ([first, ...cells]) =>
      `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  )
  // A scrolling region must be reachable by keyboard.
  return `<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}
