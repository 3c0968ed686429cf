import { badOption } from '../../check.ts'

/** Tells whether paths match a pattern. */
export interface Matcher {
  test(path: string): boolean
}

/** A state of the pattern's automaton. Several may be active at a time. */
interface State {
  /**
   * The character that leads on. For a loop, the character that may repeat. Without it, the next
   * states are reached at once.
   */
  readonly accepts: ((character: number) => boolean) | undefined
  readonly isLoop: boolean
  /** The next states, if not the following one. */
  readonly targets: number[] | undefined
}

const SLASH = 0x2f
const any = (): boolean => true
const ofName = (character: number): boolean => character !== SLASH

/**
 * Compiles a pattern for whole paths with `/` between names. `*` and `?` stand for characters of a
 * name, `**` between slashes for any number of folders, `[a-z]` and `[!a-z]` for one character,
 * `{a,b}` for one of several; `\` escapes the next character. (Node has `path.matchesGlob` only
 * from version 22 on.)
 *
 * All alternatives are followed at once (Thompson 1968), so the time is proportional to the length
 * of the path times that of the pattern. A backtracking matcher, as regular expressions are, takes
 * minutes for some names, and names may be chosen by an attacker.
 *
 * @throws `ERR_BAD_OPTION` for brackets or braces that are not closed, and for ranges that go
 *   backwards
 */
export function matcherOf(pattern: string): Matcher {
  return new StateMatcher(statesOf(pattern))
}

class StateMatcher implements Matcher {
  private readonly states: readonly State[]
  /** The round in which each state was last reached. */
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

  /** Adds a state, and all states that it reaches without a character. */
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

/** Open braces: where their alternatives begin, and the states that lead to their end. */
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
        // Any number of folders with their slashes.
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

/** A set of characters and ranges between brackets; `!` at the beginning inverts it. */
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
