// Ops that compute. They run in worker threads, so they are exported functions of a module of their
// own: workers import this file.

/** Ids 0 to 255 are bytes; these follow. */
export const END_OF_TEXT = 256
export const VOCABULARY = 257

/**
 * The tokens of a text: its bytes in UTF-8, and an end. No table is needed, and every text has
 * tokens. Put your own tokenizer here: load its files once in an `init` function (see "Where code
 * runs" in the documentation).
 */
export function tokenize({ text }: { text: string }): Int32Array {
  const bytes = new TextEncoder().encode(text.normalize('NFC'))
  const tokens = new Int32Array(bytes.length + 1)
  tokens.set(bytes)
  tokens[bytes.length] = END_OF_TEXT
  return tokens
}
