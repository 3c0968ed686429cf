import { badOption } from '../../check.ts'

/**
 * What a pattern of paths fits, as an expression for whole paths with `/` between names: `*` and `?` stand for characters of a name, `**` between slashes for any folders, or none, `[a-z]`
 * and `[!a-z]` for one character, `{a,b}` for one of several, `\` takes the meaning from what follows. (Node has `path.matchesGlob` only from version 22 on.)
 *
 * @throws `ERR_BAD_OPTION` for brackets or braces that are not closed
 */
export function matcherOf(pattern: string): RegExp {
  let source = ''
  let depth = 0
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '*') {
      const stars = /^\*+/.exec(pattern.slice(i))![0].length
      const isWholeName = (i === 0 || pattern[i - 1] === '/') && (pattern[i + stars] ?? '/') === '/'
      if (stars > 1 && isWholeName && pattern[i + stars] === '/') {
        source += '(?:[^/]+/)*'
        i++
      } else source += stars > 1 && isWholeName ? '.*' : '[^/]*'
      i += stars - 1
    } else if (character === '?') source += '[^/]'
    else if (character === '[') {
      const close = pattern.indexOf(']', i + 2)
      if (close === -1) badOption('match', 'a pattern whose brackets are closed', pattern)
      const set = pattern.slice(i + 1, close).replace(/[\\[\]]/g, '\\$&')
      source += set.startsWith('!') ? `[^/${set.slice(1)}]` : `[${set.replace(/^\^/, '\\^')}]`
      i = close
    } else if (character === '{') {
      source += '(?:'
      depth++
    } else if (character === '}' && depth > 0) {
      source += ')'
      depth--
    } else if (character === ',' && depth > 0) source += '|'
    else {
      const literal = character === '\\' && i + 1 < pattern.length ? pattern[++i]! : character
      source += literal.replace(/[\\^$.*+?()[\]{}|]/, '\\$&')
    }
  }
  if (depth > 0) badOption('match', 'a pattern whose braces are closed', pattern)
  return new RegExp(`^${source}$`, 's')
}
