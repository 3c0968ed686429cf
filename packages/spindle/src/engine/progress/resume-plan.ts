import type { BatchState } from '../resume-state.ts'
import type { TrackedItem } from './lot.ts'

/**
 * A batch of an earlier run that is to be made again, of the same members in the same order, for
 * some of what came of it is done. Members come as the source gives them again.
 */
export class BatchPlan {
  readonly number: number
  readonly aggregate: number
  readonly members: readonly string[]
  /** The epoch of what was joined. */
  readonly epoch: number
  /** What is done of what came of it. */
  readonly done: ReadonlySet<string>
  /** Made again: from then on its lot keeps book. */
  isMade = false
  /** Given up: a member did not come again. */
  isOver = false
  readonly #gathered: Map<string, TrackedItem> = new Map()

  constructor(number: number, state: BatchState, epoch: number) {
    this.number = number
    this.epoch = epoch
    this.aggregate = state.aggregate
    this.members = state.members
    this.done = new Set(state.done)
  }

  /** What has come so far, in the order in which it was joined. */
  get items(): readonly TrackedItem[] {
    return this.members.flatMap((name) => this.#gathered.get(name) ?? [])
  }

  get isComplete(): boolean {
    return this.#gathered.size === this.members.length
  }

  gather(name: string, item: TrackedItem): void {
    this.#gathered.set(name, item)
  }
}

export function readPlans(states: readonly BatchState[]): readonly BatchPlan[] {
  const epochs = epochsOf(states)
  return states.map((state, number) => new BatchPlan(number, state, epochs[number] as number))
}

/**
 * Of each batch, that of the source item which came first, through the batches that it was joined
 * in.
 */
function epochsOf(states: readonly BatchState[]): number[] {
  const epochs: number[] = []
  for (const start of states.keys()) {
    const passed: number[] = []
    let at = start
    while (epochs[at] === undefined) {
      const [first = ''] = states[at]?.members ?? []
      passed.push(at)
      const batch = batchIn(first)
      if (batch === undefined) epochs[at] = Number(first.split('/')[1] ?? 0)
      else at = batch
    }
    for (const number of passed) epochs[number] = epochs[at] as number
  }
  return epochs
}

/** The number of the batch that a member came of; `undefined` if it came of a source. */
export function batchIn(member: string): number | undefined {
  const found = /^#(\d+)/.exec(member)
  return found === null ? undefined : Number(found[1])
}
