import type { GeneratorRun } from './generator-run.ts'

/** The generator runs of a stage, and those that wait for a place. */
export class GeneratorRuns {
  private readonly all: Set<GeneratorRun> = new Set()
  private parked: GeneratorRun[] = []

  add(generatorRun: GeneratorRun): void {
    this.all.add(generatorRun)
  }

  delete(generatorRun: GeneratorRun): void {
    this.all.delete(generatorRun)
  }

  /** Whether a generator's outputs are still needed. */
  has(generatorRun: GeneratorRun): boolean {
    return this.all.has(generatorRun)
  }

  /** How many wait only for a place or their turn. */
  get resting(): number {
    return [...this.all].filter((generatorRun) => generatorRun.isResting).length
  }

  /** Those whose generator has not answered the last request. */
  get waiting(): readonly GeneratorRun[] {
    return [...this.all].filter((generatorRun) => !generatorRun.isResting)
  }

  /** Adds a run that waits for a place. */
  park(generatorRun: GeneratorRun): void {
    this.parked.push(generatorRun)
  }

  /** Resumes the waiting runs, first come, first served, when there may be places. */
  resume(): void {
    if (this.parked.length === 0) return
    const parked = this.parked
    this.parked = []
    for (const generatorRun of parked) generatorRun.advance()
  }

  /** Closes all runs. Returns how many there were. */
  close(): number {
    const closed = [...this.all]
    this.all.clear()
    this.parked = []
    for (const generatorRun of closed) generatorRun.close()
    return closed.length
  }
}
