import { mkdirSync, writeFileSync } from 'node:fs'

const SUBJECTS = ['The reader', 'A pipeline', 'Each worker', 'The queue', 'One batch']
const VERBS = ['waits for', 'passes on', 'counts', 'packs', 'writes']
const OBJECTS = ['every sentence', 'the tokens', 'a shard', 'its items', 'the next document']

/** Makes a file with a few hundred short texts, for a first run without texts of your own. */
export function makeSample(file = 'sample/texts.jsonl', count = 400): string {
  mkdirSync('sample', { recursive: true })
  const lines = Array.from({ length: count }, (_, i) => {
    const sentences = Array.from({ length: 1 + (i % 9) }, (_, j) => {
      const pick = (words: readonly string[], step: number) => words[(i + j * step) % words.length]
      return `${pick(SUBJECTS, 1)} ${pick(VERBS, 2)} ${pick(OBJECTS, 3)}.`
    })
    return `${JSON.stringify({ text: sentences.join(' ') })}\n`
  })
  writeFileSync(file, lines.join(''))
  return file
}
