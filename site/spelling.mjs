// Names of options in the code of the guides. A name is suspicious if the packages do not have it
// but have one that differs in case or by one letter: `timeoutMS`, `maxFailure`, `outputorder`.

/** What looks like a misspelt option, one line each. `names.members` are the names of the API. */
export function misspelt(markdown, { members, all }) {
  const found = []
  for (const { code, line, isWhole } of codeOf(markdown)) {
    const keys = isWhole
      ? code.matchAll(/[{,(]\s*(\w+)(?=\s*[:,}])(?!\s*:\s*(?:string|number|boolean)\b)/g)
      : code.matchAll(/(?:^|[{,]\s*)(\w+)(?=\s*:\s)|\{ (\w+) \}/g)
    for (const match of keys) {
      const key = match[1] ?? match[2]
      if (key.length < 6 || members.has(key) || all.has(key)) continue
      const near = [...members].find((name) => isNear(name, key))
      if (near !== undefined) found.push(`line ${line}: \`${key}\`: is it \`${near}\`?`)
    }
  }
  return [...new Set(found)]
}

/** TypeScript blocks that no compiler sees, and code between backticks. */
function codeOf(markdown) {
  const parts = []
  let fence
  for (const [index, text] of markdown.split('\n').entries()) {
    const opens = /^\s*```(.*)$/.exec(text)
    if (opens !== null) fence = fence === undefined ? opens[1].trim() : undefined
    else if (fence === undefined)
      for (const [, code] of text.matchAll(/`([^`]+)`/g)) parts.push({ code, line: index + 1 })
    else if (fence === 'ts') parts.push({ code: text, line: index + 1, isWhole: true })
  }
  return parts
}

function isNear(name, key) {
  if (name.length < 5 || Math.abs(name.length - key.length) > 1) return false
  if (name.toLowerCase() === key.toLowerCase()) return true
  return distanceIsOne(name, key)
}

/** Whether one letter was changed, added or left out. */
function distanceIsOne(one, other) {
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  const rests = [
    [at + 1, at + 1],
    [at + 1, at],
    [at, at + 1],
  ]
  return rests.some(([i, j]) => one.slice(i) === other.slice(j))
}
