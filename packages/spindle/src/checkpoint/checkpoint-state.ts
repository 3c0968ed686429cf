import { badOption, checkFunction } from '../check.ts'
import { InfrastructureError, messageOf, SpindleError } from '../errors.ts'

/**
 * Takes the state synchronously, so that it agrees with the pipeline's progress and with the
 * output.
 */
export function takeState<S extends object>(state: () => S): S {
  checkFunction('state', state)
  const taken: unknown = state()
  if (!isState(taken)) badOption('state()', 'a state, as `pipeline.state()` gives it', taken)
  if ('then' in taken) badOption('state()', 'a state given at once, and no promise of one', taken)
  // A copy, as it will be read later: later changes of the object have no effect on it.
  const read: unknown = JSON.parse(textOf(taken))
  if (!isState(read)) badOption('state()', 'an object that is one as JSON too', read)
  return read as S
}

/** Whether a value can be a state: an object with members. */
export function isState(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * @throws `ERR_BAD_OPTION` for a value without a JSON text: a bigint, a cyclic object, a `toJSON`
 *   that throws
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

/** The error of a checkpoint after a failed write or commit. */
export function brokenCheckpoint(cause: unknown): InfrastructureError {
  return new InfrastructureError(
    'ERR_CHECKPOINT_BROKEN',
    'an earlier write or commit failed, so the pipeline may be ahead of the output: open the checkpoint again and build from its state',
    { cause },
  )
}

/** The error of a checkpoint that another run has taken over. */
export function takenCheckpoint(place: string): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_TAKEN',
    `${place} was opened by another run, so this run cannot commit any more`,
  )
}
