import type { OpReference } from '../engine/worker-op.ts'

/** An op by reference, as sent to a worker. */
export type Reference = OpReference

/** A value, or an op by reference. */
export type Sent = { readonly value: unknown } | { readonly reference: Reference }

/** What a worker makes its loader from. */
export interface LoaderAssignment {
  readonly source: Sent
  readonly options: { readonly [name: string]: Sent }
  readonly epoch: number
}
