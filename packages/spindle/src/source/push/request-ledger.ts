import type { Item, Ledger, Path, SourceEpoch } from '../../engine/flow/item.ts'
import type { ItemFollower } from '../../engine/progress/followed-source.ts'
import {
  BatchGroup,
  end,
  GroupLedger,
  type PendingGroup,
  TrackedItem,
} from '../../engine/progress/pending-group.ts'
import { type Request, RequestGroup } from './request.ts'

/** Follows requests through the graph, so that answers and failures find their promises. */
export class RequestLedger extends GroupLedger implements ItemFollower {
  readonly #areBatches: boolean
  readonly #next: () => readonly Request[]
  readonly #onEnd: (failure: { readonly error: unknown } | undefined) => void
  readonly ledger: Ledger = this

  /**
   * `areBatches`: an item is a batch of requests. `next`: the requests of the item that the source
   * gave next. `onEnd`: the pipeline has ended.
   */
  constructor(
    areBatches: boolean,
    next: () => readonly Request[],
    onEnd: (failure: { readonly error: unknown } | undefined) => void,
  ) {
    super()
    this.#areBatches = areBatches
    this.#next = next
    this.#onEnd = onEnd
  }

  give(value: unknown, origin: SourceEpoch, index: number): Item {
    const items = this.#next().map(
      (request) =>
        new TrackedItem(request.value, origin, index, undefined, new RequestGroup(request)),
    )
    const first = items[0] as TrackedItem
    return this.#areBatches ? this.joined(first, value, items) : first
  }

  retired(item: Item): void {
    // Boundaries and flushes do not come of a request.
    if (item instanceof TrackedItem) end(item, true)
  }

  absorbed(item: Item): void {
    this.retired(item)
  }

  lost(item: Item): void {
    this.retired(item)
  }

  closed(batch: BatchGroup): void {
    for (const member of batch.members) end(member, true)
  }

  opened(done: Promise<void> | undefined): void {
    done?.then(
      () => this.#onEnd(undefined),
      (error) => this.#onEnd({ error }),
    )
  }

  /** An op has failed on an item. */
  itemFailed(item: Item, error: unknown): void {
    for (const request of requestsOf(item)) request.fail(error)
  }

  /** Whether nobody waits for what becomes of an item. */
  isAbandoned(item: Item): boolean {
    return requestsOf(item).every((request) => request.isAborted)
  }

  /** Calls a function when nobody waits for an item any more. */
  onAbandoned(item: Item, listener: (reason: unknown) => void): void {
    const requests = requestsOf(item)
    for (const request of requests)
      request.onAbort((reason) => {
        if (requests.every((one) => one.isAborted)) listener(reason)
      })
  }
}

/**
 * Gives a value to the requests that an item stands for. The value of a batch is a list with one
 * answer for each member; any other value answers all of them.
 */
export function answer(item: Item, value: unknown): void {
  const members = membersOf(item)
  const member = memberAt(item)
  if (member !== undefined) answer(member, value)
  else if (members === undefined) for (const request of requestsOf(item)) request.answer(value)
  else
    for (const [position, each] of members.entries())
      answer(
        each,
        Array.isArray(value) && value.length === members.length ? value[position] : value,
      )
}

function requestsOf(item: Item): readonly Request[] {
  const member = memberAt(item)
  if (member !== undefined) return requestsOf(member)
  if (!(item instanceof TrackedItem)) return []
  return requestsIn(item.group)
}

function requestsIn(group: PendingGroup | undefined): readonly Request[] {
  if (group instanceof RequestGroup) return [group.request]
  if (!(group instanceof BatchGroup)) return []
  return [...new Set(group.members.flatMap((member) => requestsIn(member.group)))]
}

function membersOf(item: Item): readonly TrackedItem[] | undefined {
  return item instanceof TrackedItem && item.group instanceof BatchGroup
    ? item.group.members
    : undefined
}

/** If an item is an element of a batch: the member of the batch at its position. */
function memberAt(item: Item): TrackedItem | undefined {
  const members = membersOf(item)
  const start = members?.[0]?.path
  let path: Path | undefined = item.path
  if (members === undefined || path === start) return undefined
  while (path !== undefined && path.parent !== start) path = path.parent
  return path === undefined ? undefined : members[path.position]
}
