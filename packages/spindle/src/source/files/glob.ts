import { badOption } from '../../check.ts'

/** What tells whether paths fit a pattern. */
export interface Matcher {
  test(path: string): boolean
}

/** A place in a pattern, of which several may be reached at a time. */
interface State {
  /**
   * The character that leads on, or, of a loop, that may come again and again. Without it the next
   * places are reached at once.
   */
  readonly accepts: ((character: number) => boolean) | undefined
  readonly isLoop: boolean
  /** Where it leads, if not to the next place. */
  readonly targets: number[] | undefined
}

const SLASH = 0x2f
const any = (): boolean => true
const ofName = (character: number): boolean => character !== SLASH

/**
 * What a pattern of paths fits, for whole paths with `/` between names: `*` and `?` stand for
 * characters of a name, `**` between slashes for any folders, or none, `[a-z]` and `[!a-z]` for one
 * character, `{a,b}` for one of several, `\` takes the meaning from what follows. (Node has
 * `path.matchesGlob` only from version 22 on.)
 *
 * All ways to fit are followed at once (Thompson 1968), so a path takes time in proportion to its
 * length and that of the pattern. Going back and trying again, as regular expressions do, takes
 * minutes for some names, and others may have chosen the names.
 *
 * @throws `ERR_BAD_OPTION` for brackets or braces that are not closed, and for ranges that go
 *   backwards
 */
export function matcherOf(pattern: string): Matcher {
  return new StateMatcher(statesOf(pattern))
}

class StateMatcher implements Matcher {
  private readonly states: readonly State[]
  /** In which round a place was reached last. */
  private readonly reachedIn: Uint32Array
  private round = 0

  constructor(states: readonly State[]) {
    this.states = states
    this.reachedIn = new Uint32Array(states.length + 1)
  }

  test(path: string): boolean {
    this.reachedIn.fill(0)
    this.round = 1
    let here: number[] = []
    this.reach(0, here)
    for (const text of path) {
      const character = text.codePointAt(0)!
      const there: number[] = []
      this.round++
      for (const at of here) {
        const { accepts, isLoop } = this.states[at]!
        if (accepts?.(character) === true) this.reach(isLoop ? at : at + 1, there)
      }
      if (there.length === 0 && this.reachedIn[this.states.length] !== this.round) return false
      here = there
    }
    return this.reachedIn[this.states.length] === this.round
  }

  /** Adds a place, and all that it leads to without a character, to those that wait for one. */
  private reach(place: number, waiting: number[]): void {
    const left = [place]
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      if (this.reachedIn[at] === this.round) continue
      this.reachedIn[at] = this.round
      const state = this.states[at]
      if (state === undefined) continue
      if (state.accepts !== undefined) waiting.push(at)
      if (state.targets !== undefined) left.push(...state.targets)
      else if (state.accepts === undefined || state.isLoop) left.push(at + 1)
    }
  }
}

/** Braces that are open: where their alternatives begin, and the places that lead to their end. */
interface Braces {
  readonly starts: number[]
  readonly ends: number[][]
}

function statesOf(pattern: string): readonly State[] {
  const states: State[] = []
  const open: Braces[] = []
  const one = (accepts: State['accepts']): unknown =>
    states.push({ accepts, isLoop: false, targets: undefined })
  const loop = (accepts: State['accepts']): unknown =>
    states.push({ accepts, isLoop: true, targets: undefined })
  const lead = (targets: number[]): unknown =>
    states.push({ accepts: undefined, isLoop: false, targets })
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '*') {
      const first = i
      while (pattern[i + 1] === '*') i++
      const isWholeName =
        (first === 0 || pattern[first - 1] === '/') && (pattern[i + 1] ?? '/') === '/'
      if (i === first || !isWholeName) loop(ofName)
      else if (i + 1 === pattern.length) loop(any)
      else {
        // Any folders with their slashes, or none.
        lead([states.length + 1, states.length + 3])
        loop(any)
        one((other) => other === SLASH)
        i++
      }
    } else if (character === '?') one(ofName)
    else if (character === '[') {
      const close = pattern.indexOf(']', i + 2)
      if (close === -1) badOption('match', 'a pattern whose brackets are closed', pattern)
      one(setOf(pattern.slice(i + 1, close), pattern))
      i = close
    } else if (character === '{') {
      const starts: number[] = []
      open.push({ starts, ends: [] })
      lead(starts)
      starts.push(states.length)
    } else if (character === '}' && open.length > 0) {
      for (const ends of open.pop()!.ends) ends.push(states.length)
    } else if (character === ',' && open.length > 0) {
      const { starts, ends } = open.at(-1)!
      const end: number[] = []
      ends.push(end)
      lead(end)
      starts.push(states.length)
    } else {
      if (character === '\\' && i + 1 < pattern.length) i++
      const literal = pattern.codePointAt(i)!
      if (literal > 0xffff) i++
      one((other) => other === literal)
    }
  }
  if (open.length > 0) badOption('match', 'a pattern whose braces are closed', pattern)
  return states
}

/** Characters and ranges between brackets; after `!` all others. */
function setOf(text: string, pattern: string): (character: number) => boolean {
  const isOther = text.startsWith('!')
  const characters = Array.from(isOther ? text.slice(1) : text, (one) => one.codePointAt(0)!)
  const ranges: [number, number][] = []
  for (let i = 0; i < characters.length; i++) {
    const first = characters[i]!
    const isRange = characters[i + 1] === 0x2d && i + 2 < characters.length
    const last = isRange ? characters[i + 2]! : first
    if (last < first)
      badOption('match', 'a pattern whose ranges go upwards, as [a-z] does', pattern)
    ranges.push([first, last])
    if (isRange) i += 2
  }
  const isIn = (character: number): boolean =>
    ranges.some(([first, last]) => character >= first && character <= last)
  return (character) => character !== SLASH && isIn(character) !== isOther
}
