import { stripVTControlCharacters } from 'node:util'

/**
 * Text from outside (names of files and stages, messages of errors) as one line for a terminal or a log: no escape sequences, no control characters,
 * no line breaks, none of the characters that change the direction of text. What is taken away becomes a space, so that words stay apart.
 */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
