import assert from 'node:assert/strict'
import { PipelineFailure, SpindleError } from 'spindle'

/** All items, to the end of the stream or epoch. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Up to `count` items, and then `break`. */
export async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const some: T[] = []
  for await (const item of items) {
    some.push(item)
    if (some.length === count) break
  }
  return some
}

/** What came before the failure, and the failure; an assertion error if there was none. */
export async function collectFailure<T>(
  items: AsyncIterable<T>,
): Promise<{ items: T[]; failure: PipelineFailure }> {
  const got: T[] = []
  try {
    for await (const item of items) got.push(item)
  } catch (error) {
    assert.ok(
      error instanceof PipelineFailure,
      `a PipelineFailure was expected, got ${String(error)}`,
    )
    return { items: got, failure: error }
  }
  assert.fail(`the pipeline was expected to fail; it gave ${JSON.stringify(got).slice(0, 200)}`)
}

/** The cause of the only stage failure. */
export async function failureCause(items: AsyncIterable<unknown>): Promise<unknown> {
  const { failure } = await collectFailure(items)
  assert.equal(failure.errors.length, 1)
  return failure.errors[0]?.cause
}

/**
 * Asserts that the call throws a `SpindleError` with the code, whose message matches all patterns.
 */
export function throwsCode(
  call: () => unknown,
  code: string | RegExp,
  ...patterns: RegExp[]
): void {
  assert.throws(call, (error: unknown) => isCoded(error, code, patterns))
}

/**
 * Asserts that the promise rejects with an error of the code, whose message matches all patterns.
 */
export async function rejectsCode(
  promise: Promise<unknown>,
  code: string | RegExp,
  ...patterns: RegExp[]
): Promise<void> {
  await assert.rejects(promise, (error: unknown) => isCoded(error, code, patterns))
}

/** Asserts the code (and the message) of an error that was already caught. */
export function assertCode(error: unknown, code: string | RegExp, ...patterns: RegExp[]): void {
  isCoded(error, code, patterns)
}

function isCoded(error: unknown, code: string | RegExp, patterns: readonly RegExp[]): true {
  assert.ok(error instanceof SpindleError, `a SpindleError was expected, got ${String(error)}`)
  if (typeof code === 'string') assert.equal(error.code, code)
  else assert.match(error.code, code)
  for (const pattern of patterns) assert.match(error.message, pattern)
  return true
}
