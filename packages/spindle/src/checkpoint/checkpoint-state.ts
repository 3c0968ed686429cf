import { badOption, checkFunction } from '../check.ts'
import { InfrastructureError, messageOf, SpindleError } from '../errors.ts'

/**
 * Takes the state, at once: what is done by the pipeline and what is in the output are then the
 * same.
 */
export function takeState<S extends object>(state: () => S): S {
  checkFunction('state', state)
  const taken: unknown = state()
  if (!isState(taken)) badOption('state()', 'a state, as `pipeline.state()` gives it', taken)
  if ('then' in taken) badOption('state()', 'a state given at once, and no promise of one', taken)
  // As it will be read, and out of reach of whoever changes it later.
  const read: unknown = JSON.parse(textOf(taken))
  if (!isState(read)) badOption('state()', 'an object that is one as JSON too', read)
  return read as S
}

/** Whether a value can be a state: an object with members. */
export function isState(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * @throws `ERR_BAD_OPTION` for what has no JSON: a bigint, an object within itself, a `toJSON` that
 * throws
 */
function textOf(state: object): string {
  let text: string | undefined
  try {
    text = JSON.stringify(state)
  } catch (error) {
    throw new SpindleError(
      'ERR_BAD_OPTION',
      `\`state()\` must be an object that can be written as JSON: ${messageOf(error)}`,
      { cause: error },
    )
  }
  return text ?? badOption('state()', 'an object that is one as JSON too', undefined)
}

/** What a checkpoint answers once something of it went wrong. */
export function brokenCheckpoint(cause: unknown): InfrastructureError {
  return new InfrastructureError(
    'ERR_CHECKPOINT_BROKEN',
    'an earlier write or commit failed, so the pipeline may be ahead of the output: open the checkpoint anew, and build from its state',
    { cause },
  )
}

/** What a checkpoint answers when another one has come after it. */
export function takenCheckpoint(place: string): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_TAKEN',
    `${place} was opened by another run since: this one commits nothing more`,
  )
}
