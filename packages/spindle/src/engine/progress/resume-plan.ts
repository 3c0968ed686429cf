import type { BatchState } from '../resume-state.ts'
import type { TrackedItem } from './pending-group.ts'

/**
 * A batch of an earlier run that must be made again with the same members in the same order,
 * because some of its outputs are done. The source gives the members again.
 */
export class BatchPlan {
  readonly number: number
  readonly aggregate: number
  readonly members: readonly string[]
  /** The epoch of its members. */
  readonly epoch: number
  /** The outputs of the batch that are done. */
  readonly done: ReadonlySet<string>
  /** The batch was made again. From then on, its group tracks it. */
  isMade = false
  /** The plan was given up, because a member did not come again. */
  isOver = false
  readonly #gathered: Map<string, TrackedItem> = new Map()

  constructor(number: number, state: BatchState, epoch: number) {
    this.number = number
    this.epoch = epoch
    this.aggregate = state.aggregate
    this.members = state.members
    this.done = new Set(state.done)
  }

  /** The members that have arrived, in the order of the batch. */
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

/** The epoch of each batch: that of its first source item, found through nested batches. */
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

/** The number of the batch from which a member comes. `undefined` if it comes from a source. */
export function batchIn(member: string): number | undefined {
  const found = /^#(\d+)/.exec(member)
  return found === null ? undefined : Number(found[1])
}
