import type { ExecutorCall } from '../../engine/executor.ts'
import type { Aggregator } from '../../engine/types.ts'

/** A batch that a worker has made of all its samples. */
export interface MadeBatch {
  readonly value: unknown
  readonly size: number
}

/** Stands for a sample that never left its worker, because its batch was made there. */
export class BatchMember {
  readonly batch: MadeBatch
  readonly at: number
  /** The call that made the sample. */
  readonly item: unknown
  readonly call: ExecutorCall

  constructor(batch: MadeBatch, at: number, item: unknown, call: ExecutorCall) {
    this.batch = batch
    this.at = at
    this.item = item
    this.call = call
  }
}

/** The batch whose members these are, all and in order; `undefined` if there is none. */
export function batchOf(samples: readonly unknown[]): MadeBatch | undefined {
  const [first] = samples
  if (!(first instanceof BatchMember) || first.batch.size !== samples.length) return undefined
  const { batch } = first
  const isWhole = samples.every(
    (sample, i) => sample instanceof BatchMember && sample.batch === batch && sample.at === i,
  )
  return isWhole ? batch : undefined
}

/**
 * Gives the members of a made batch together, and makes batches of `size` of the other samples. So
 * a sample that is missing does not shift the batches after it. For completion order.
 */
export class WholeBatches implements Aggregator<unknown, unknown[]> {
  readonly #size: number
  readonly #members: Map<MadeBatch, unknown[]> = new Map()
  #samples: unknown[] = []

  constructor(size: number) {
    this.#size = size
  }

  accumulate(sample: unknown): unknown[] | undefined {
    if (sample instanceof BatchMember) return this.#member(sample)
    this.#samples.push(sample)
    return this.#samples.length < this.#size ? undefined : this.#rest()
  }

  #member(member: BatchMember): unknown[] | undefined {
    const { batch } = member
    const members = this.#members.get(batch) ?? []
    members.push(member)
    this.#members.set(batch, members)
    if (members.length < batch.size) return undefined
    this.#members.delete(batch)
    return members
  }

  flush(): unknown[] | undefined {
    return this.#samples.length === 0 ? undefined : this.#rest()
  }

  #rest(): unknown[] {
    const samples = this.#samples
    this.#samples = []
    return samples
  }
}
