import type { Item, Ledger, Path, SourceEpoch } from '../../engine/flow/item.ts'
import type { ItemFollower } from '../../engine/progress/followed-source.ts'
import { type Lot, LotLedger, rootsOf, TrackedItem } from '../../engine/progress/ledger.ts'
import { type Request, RequestLot } from './request.ts'

/** Follows requests through the graph, so that answers and failures find their promises. */
export class RequestLedger extends LotLedger implements ItemFollower {
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
    super({
      // All of it is done, and no answer came: the item was filtered out.
      closed: (lot) => {
        if (lot instanceof RequestLot) lot.request.answer(undefined)
      },
      isCovered: () => false,
    })
    this.#areBatches = areBatches
    this.#next = next
    this.#onEnd = onEnd
  }

  give(value: unknown, origin: SourceEpoch, index: number): Item {
    const items = this.#next().map(
      (request) =>
        new TrackedItem(
          request.value,
          origin,
          index,
          undefined,
          new RequestLot(this.listener, request),
        ),
    )
    const first = items[0] as TrackedItem
    return this.#areBatches ? this.joined(first, value, items) : first
  }

  opened(done: Promise<void> | undefined): void {
    done?.then(
      () => this.#onEnd(undefined),
      (error) => this.#onEnd({ error }),
    )
  }

  /** An op has failed on an item. */
  failed(item: Item, error: unknown): void {
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
  const { members } = (item as TrackedItem).lot
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
  return [...rootsOf(item.lot)].flatMap((lot: Lot) =>
    lot instanceof RequestLot ? [lot.request] : [],
  )
}

/** If an item is an element of a batch: the member of the batch at its position. */
function memberAt(item: Item): TrackedItem | undefined {
  const members = item instanceof TrackedItem ? item.lot.members : undefined
  const start = members?.[0]?.path
  let path: Path | undefined = item.path
  if (members === undefined || path === start) return undefined
  while (path !== undefined && path.parent !== start) path = path.parent
  return path === undefined ? undefined : members[path.position]
}
