import type { Aggregator } from '../types.ts'
import { memberName } from './batch-states.ts'
import type { TrackedItem } from './pending-group.ts'
import type { BatchPlan } from './resume-plan.ts'
import type { ResumeTracker } from './resume-tracker.ts'

/** A batch that was made again, completely or in part. */
export interface Regrouped {
  readonly first: TrackedItem
  readonly value: unknown
  readonly members: readonly TrackedItem[]
  /** `undefined` if a member is missing. It is then a new batch. */
  readonly plan: BatchPlan | undefined
}

/** Lets an aggregate make batches of an earlier run again, each with its own aggregator. */
export class Regrouping {
  readonly #byMember: Map<string, BatchPlan> = new Map()
  readonly #plans: Set<BatchPlan>
  readonly #resumeTracker: ResumeTracker
  readonly #make: () => Aggregator<unknown, unknown>

  constructor(
    resumeTracker: ResumeTracker,
    plans: readonly BatchPlan[],
    make: () => Aggregator<unknown, unknown>,
  ) {
    this.#resumeTracker = resumeTracker
    this.#make = make
    this.#plans = new Set(plans)
    for (const plan of plans) for (const name of plan.members) this.#byMember.set(name, plan)
  }

  /**
   * If an item belongs to a batch of an earlier run, keeps it until the other members arrive, and
   * returns the plan of that batch.
   */
  takes(item: TrackedItem): BatchPlan | undefined {
    if (this.#plans.size === 0) return undefined
    const name = memberName(item)
    const plan = name === undefined ? undefined : this.#byMember.get(name)
    if (plan === undefined || name === undefined) return undefined
    this.#byMember.delete(name)
    plan.gather(name, item)
    this.#resumeTracker.held(item)
    return plan
  }

  /** Makes the batches of a plan when all members have arrived. */
  make(plan: BatchPlan): readonly Regrouped[] {
    plan.isMade = true
    return this.#batch(plan, plan)
  }

  /**
   * Gives up incomplete plans at the end of an epoch, and makes batches of the members that have
   * arrived.
   */
  rest(epoch: number): readonly Regrouped[] {
    return [...this.#plans]
      .filter((plan) => plan.epoch <= epoch)
      .flatMap((plan) => {
        plan.isOver = true
        return this.#batch(plan, undefined)
      })
  }

  #batch(plan: BatchPlan, made: BatchPlan | undefined): readonly Regrouped[] {
    this.#plans.delete(plan)
    const members = plan.items
    const [first] = members
    if (first === undefined) return []
    const make = this.#make
    const aggregator = make()
    const values = members.map((member) => aggregator.accumulate(member.value))
    let rest: unknown
    do {
      rest = aggregator.flush()
      values.push(rest)
    } while (rest !== undefined && aggregator.hasRest?.() === true)
    for (const member of members) member.value = undefined
    return values
      .filter((value) => value !== undefined)
      .map((value, at) => ({
        first,
        value,
        members: at === 0 ? members : [],
        plan: at === 0 ? made : undefined,
      }))
  }
}
