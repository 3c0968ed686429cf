/** The known name that a misspelt one most likely means. `undefined` if none is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.min(3, Math.ceil(name.length / 3))
  for (const candidate of known) {
    const distance = edits(name.toLowerCase(), candidate.toLowerCase())
    if (distance < least || (distance === least && best === undefined))
      [best, least] = [candidate, distance]
  }
  return best
}

/** The number of letters to insert, remove or replace, two letters exchanged counting as two. */
function edits(from: string, to: string): number {
  // A name of any length may be given, and the work grows with its square.
  if (Math.abs(from.length - to.length) > 3) return Number.POSITIVE_INFINITY
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + Number(from[i - 1] !== to[j - 1])
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}
