import type { Fault } from '../base/errors.ts'

/** The result of an item, or why it failed and its input, which has come back. */
export type ItemOutcome =
  | { readonly result: unknown }
  | { readonly fault: Fault; readonly input: unknown }
