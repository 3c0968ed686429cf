import type { Expansion } from './expansion.ts'

/** The generators that a stage is expanding, and those among them that wait for a place. */
export class Expansions {
  private readonly all: Set<Expansion> = new Set()
  private parked: Expansion[] = []

  add(expansion: Expansion): void {
    this.all.add(expansion)
  }

  delete(expansion: Expansion): void {
    this.all.delete(expansion)
  }

  /** Whether a generator is still wanted. */
  has(expansion: Expansion): boolean {
    return this.all.has(expansion)
  }

  /** How many wait for a place or their turn, and for nothing else. */
  get resting(): number {
    return [...this.all].filter((expansion) => expansion.isResting).length
  }

  /** Those whose generator was asked for something and has not answered. */
  get waiting(): readonly Expansion[] {
    return [...this.all].filter((expansion) => !expansion.isResting)
  }

  /** A generator waits for a place. */
  park(expansion: Expansion): void {
    this.parked.push(expansion)
  }

  /** There may be places: those that wait look, first come, first served. */
  resume(): void {
    if (this.parked.length === 0) return
    const parked = this.parked
    this.parked = []
    for (const expansion of parked) expansion.advance()
  }

  /** Closes all; how many there were. */
  close(): number {
    const closed = [...this.all]
    this.all.clear()
    this.parked = []
    for (const expansion of closed) expansion.close()
    return closed.length
  }
}
