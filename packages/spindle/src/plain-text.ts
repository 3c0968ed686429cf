import { stripVTControlCharacters } from 'node:util'

/**
 * Text from outside (names of files and stages, messages of errors) as one line for a terminal or a
 * log: no escape sequences, no control characters, no line breaks, none of the characters that
 * change the direction of text. What is taken away becomes a space, so that words stay apart.
 */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

/**
 * A value as one line of JSON, without loss: the characters that {@link plain} takes away are
 * written as escapes.
 */
export function plainJson(value: unknown): string {
  // Outside of strings there are none of them.
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => escaped(character.charCodeAt(i))).join(''),
  )
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
