import type { Figures } from './figures.ts'
import type { Proposal, Step, Tuned } from './proposal.ts'
import type { Change, TuningMove } from './tune-types.ts'

/** Maximum number of moves that are kept. */
const MOST_MOVES = 1000

/** Records what was changed, why, and with what result. */
export class MoveLog {
  readonly moves: TuningMove[] = []
  readonly #tuned: readonly Tuned[]
  #pending: { readonly at: number; readonly tuned: number; readonly before: Figures }[] = []

  constructor(tuned: readonly Tuned[]) {
    this.#tuned = tuned
  }

  begin({ reason, changes }: Proposal, before: Figures): void {
    if (this.moves.length + changes.length > MOST_MOVES) this.moves.splice(0, changes.length)
    this.#pending = changes.map(({ tuned, option, from, to }) => {
      const { unit } = this.#tuned[tuned] as Tuned
      this.moves.push({
        atMs: Math.round(before.atMs),
        stage: unit.name,
        option: option === 'buffer' ? 'buffer' : unit.option,
        from,
        to,
        reason,
        outcome: 'pending',
        evidence: evidenceOf(before, undefined, tuned),
      })
      return { at: this.moves.length - 1, tuned, before }
    })
  }

  conclude(isAccepted: boolean, after: Figures): void {
    for (const { at, tuned, before } of this.#pending) {
      const move = this.moves[at]
      if (move === undefined) continue
      const outcome = isAccepted ? 'accepted' : 'rolled back'
      this.moves[at] = { ...move, outcome, evidence: evidenceOf(before, after, tuned) }
    }
    this.#pending = []
  }

  /** A step in the form that the caller uses. */
  toChange({ tuned, option, to }: Step): Change {
    const { unit } = this.#tuned[tuned] as Tuned
    return { unit: tuned, option: option === 'buffer' ? 'buffer' : unit.option, value: to }
  }
}

function evidenceOf(
  before: Figures,
  after: Figures | undefined,
  tuned: number,
): Record<string, number> {
  const now = after ?? before
  const unit = now.units[tuned]
  return {
    itemsPerSecBefore: rounded(before.rate * 1000),
    errorBefore: rounded(before.error),
    ...(after === undefined
      ? {}
      : {
          itemsPerSec: rounded(after.rate * 1000),
          error: rounded(after.error),
          measuredMs: Math.round(after.elapsedMs),
        }),
    waiting: rounded(now.waiting),
    busy: rounded(unit?.busy ?? 0),
    meanMs: rounded(unit?.meanMs ?? 0),
    troubles: rounded(unit?.troubles ?? 0),
    cpu: rounded(now.cpu),
    cores: rounded(now.cores),
    memoryBytes: Math.round(now.memoryBytes),
  }
}

/** Four significant digits. */
function rounded(value: number): number {
  return Number.parseFloat(value.toPrecision(4))
}
