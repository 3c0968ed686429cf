import type { GeneratorRun } from './generator-run.ts'

/** The generators that a stage is expanding, and those among them that wait for a place. */
export class GeneratorRuns {
  private readonly all: Set<GeneratorRun> = new Set()
  private parked: GeneratorRun[] = []

  add(generatorRun: GeneratorRun): void {
    this.all.add(generatorRun)
  }

  delete(generatorRun: GeneratorRun): void {
    this.all.delete(generatorRun)
  }

  /** Whether a generator is still wanted. */
  has(generatorRun: GeneratorRun): boolean {
    return this.all.has(generatorRun)
  }

  /** How many wait for a place or their turn, and for nothing else. */
  get resting(): number {
    return [...this.all].filter((generatorRun) => generatorRun.isResting).length
  }

  /** Those whose generator was asked for something and has not answered. */
  get waiting(): readonly GeneratorRun[] {
    return [...this.all].filter((generatorRun) => !generatorRun.isResting)
  }

  /** A generator waits for a place. */
  park(generatorRun: GeneratorRun): void {
    this.parked.push(generatorRun)
  }

  /** There may be places: those that wait look, first come, first served. */
  resume(): void {
    if (this.parked.length === 0) return
    const parked = this.parked
    this.parked = []
    for (const generatorRun of parked) generatorRun.advance()
  }

  /** Closes all; how many there were. */
  close(): number {
    const closed = [...this.all]
    this.all.clear()
    this.parked = []
    for (const generatorRun of closed) generatorRun.close()
    return closed.length
  }
}
