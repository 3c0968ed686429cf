import { badOption, show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { type PipelineState, STATE_VERSION } from './state.ts'

/**
 * Checks that a value is a state as a whole: what was cut short or edited is not gone on from.
 *
 * @throws `ERR_BAD_OPTION`, naming the place; `ERR_OTHER_STATE` if it is of another release.
 */
export function checkState(value: unknown): asserts value is PipelineState {
  if (typeof value !== 'object' || value === null) badOption('state', 'what `pipeline.state()` gave', value)
  const state = value as { readonly [name in keyof PipelineState]?: unknown }
  if (state.version !== STATE_VERSION)
    throw new SpindleError(
      'ERR_OTHER_STATE',
      `\`state\` has version ${show(state.version)}, this release reads version ${STATE_VERSION}`,
    )
  must(Number.isSafeInteger(state.seed), 'state.seed', 'an integer', state.seed)
  mustBeTexts('state.graph', state.graph)
  must(isCount(state.failures), 'state.failures', 'an integer >= 0', state.failures)
  must(Array.isArray(state.sources), 'state.sources', 'an array', state.sources)
  for (const [at, source] of (state.sources as unknown[]).entries()) {
    const where = `state.sources[${at}]`
    const epochs = (source as { epochs?: unknown } | null)?.epochs
    must(Array.isArray(epochs) && epochs.length > 0, `${where}.epochs`, 'an array that is not empty', epochs)
    for (const [i, epoch] of (epochs as unknown[]).entries()) checkEpoch(`${where}.epochs[${i}]`, epoch)
  }
  must(
    state.batches === undefined || Array.isArray(state.batches),
    'state.batches',
    'an array, or left out',
    state.batches,
  )
  for (const [at, batch] of ((state.batches ?? []) as unknown[]).entries()) {
    const { aggregate, members, done } = (batch ?? {}) as { [name: string]: unknown }
    must(isCount(aggregate), `state.batches[${at}].aggregate`, 'an integer >= 0', aggregate)
    mustBeTexts(`state.batches[${at}].members`, members)
    mustBeTexts(`state.batches[${at}].done`, done)
  }
}

function checkEpoch(where: string, value: unknown): void {
  const { epoch, low, done = [], parts = {}, end } = (value ?? {}) as { [name: string]: unknown }
  must(isCount(epoch), `${where}.epoch`, 'an integer >= 0', epoch)
  must(isCount(low), `${where}.low`, 'an integer >= 0', low)
  must(end === undefined || isCount(end), `${where}.end`, 'an integer >= 0, or left out', end)
  const runs = Array.isArray(done) ? (done as unknown[]) : []
  const isOk =
    Array.isArray(done) &&
    runs.length % 2 === 0 &&
    runs.every((position, i) => isCount(position) && (i === 0 || position >= (runs[i - 1] as number)))
  must(isOk, `${where}.done`, 'first and last positions of runs, in their order', done)
  must(typeof parts === 'object' && parts !== null, `${where}.parts`, 'an object', parts)
  for (const [position, ways] of Object.entries(parts as object))
    mustBeTexts(`${where}.parts[${position}]`, ways)
}

function mustBeTexts(where: string, value: unknown): void {
  const isOk = Array.isArray(value) && value.every((one) => typeof one === 'string')
  must(isOk, where, 'an array of texts', value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function must(isOk: boolean, where: string, rule: string, value: unknown): void {
  if (!isOk) badOption(where, rule, value)
}
