import { type Path, pathText } from '../flow/item.ts'
import type { BatchState } from '../resume-state.ts'
import { BatchGroup, SourceGroup, type TrackedItem } from './pending-group.ts'
import { type BatchPlan, batchIn } from './resume-plan.ts'

/**
 * The batches that a later run must make again: those of which a part is done, and the batches
 * among their members.
 */
export function batchStates(
  batches: ReadonlySet<BatchGroup>,
  plans: readonly BatchPlan[],
): BatchState[] {
  const numbers = new Map<BatchGroup | BatchPlan, number>()
  const add = (one: BatchGroup | BatchPlan): void => {
    if (!numbers.has(one)) numbers.set(one, numbers.size)
  }
  const include = (batch: BatchGroup): void => {
    for (const { group } of batch.members) if (group instanceof BatchGroup) include(group)
    add(batch)
  }
  const unmade = plans.filter((plan) => !plan.isMade && !plan.isOver)
  const needed = new Set(unmade.flatMap((plan) => plan.members.map(batchIn)))
  for (const plan of unmade) add(plan)
  for (const batch of batches) {
    const isPartlyDone =
      batch.aggregate !== undefined && batch.done !== undefined && batch.done.size > 0
    if (isPartlyDone || (batch.plan !== undefined && needed.has(batch.plan))) include(batch)
  }
  const byPlan = new Map<number, number>()
  for (const [one, number] of numbers) {
    const plan = one instanceof BatchGroup ? one.plan : one.number
    if (plan !== undefined) byPlan.set(plan, number)
  }
  return [...numbers.keys()].map((one) =>
    one instanceof BatchGroup
      ? {
          aggregate: one.aggregate as number,
          members: one.members.map((member) =>
            nameOf(
              member.group instanceof BatchGroup
                ? `#${numbers.get(member.group)}`
                : rootName(member),
              member.path,
            ),
          ),
          done: [...(one.done ?? [])],
        }
      : {
          aggregate: one.aggregate,
          members: one.members.map((name) => renumbered(name, byPlan)),
          done: [...one.done],
        },
  )
}

/** The name by which plans identify an item. `undefined` if no plan can contain it. */
export function memberName(item: TrackedItem): string | undefined {
  const { group } = item
  if (!(group instanceof BatchGroup)) return nameOf(rootName(item), item.path)
  return group.plan === undefined ? undefined : nameOf(`#${group.plan}`, item.path)
}

/** The name of the source item from which an item comes. */
function rootName({ origin, index, group }: TrackedItem): string {
  return `${origin.source}/${origin.epoch}/${group instanceof SourceGroup ? group.position : index}`
}

function nameOf(base: string, path: Path | undefined): string {
  return path === undefined ? base : `${base}.${pathText(path)}`
}

function renumbered(name: string, numbers: ReadonlyMap<number, number>): string {
  return name.replace(/^#(\d+)/, (_, old: string) => `#${numbers.get(Number(old))}`)
}
