import { stripVTControlCharacters } from 'node:util'

/**
 * Converts text from outside (names of files and stages, messages of errors) to one line for a
 * terminal or a log. It removes escape sequences, control characters, line breaks, and characters
 * that change the direction of text. Each becomes a space, so that words stay apart.
 */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** The end of a warning that a process gets at most once. */
export const SHOWN_ONCE = 'This warning is shown once per process.'

/**
 * A value as one line of JSON, without loss: the characters that {@link plain} removes are escaped.
 */
export function plainJson(value: unknown): string {
  // Such characters occur only inside strings.
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => escaped(character.charCodeAt(i))).join(''),
  )
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
