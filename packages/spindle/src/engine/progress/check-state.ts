import { badOption, show } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { type DoneRun, type PipelineState, STATE_VERSIONS } from '../resume-state.ts'

/** Positions are below this limit, so that sums of positions and numbers of ranks are exact. */
const MOST_POSITIONS = 2 ** 52
const MOST_RANKS = 2 ** 31
/**
 * Maximum number of epochs in a state, and of epochs whose end has not been seen. If epochs are
 * short, a run has as many open epochs as it has items in flight.
 */
const MOST_EPOCHS = 65536
export const MOST_OPEN_EPOCHS = 1024
/**
 * Maximum number of different steps of runs. One comes from each number of ranks that worked on an
 * epoch.
 */
const MOST_STEPS = 1024

/** The path of an output from its source item: `1.0`. */
const WAY = /^\d{1,16}(?:\.\d{1,16})*$/
const MEMBER = /^(?:#\d{1,10}|\d{1,10}\/\d{1,16}\/\d{1,16})(?:\.\d{1,16})*$/
const POSITION = /^(?:0|[1-9]\d{0,15})$/

type Members = { readonly [name: string]: unknown }

/**
 * Checks that a value is a complete state. A state that was cut short or edited is refused. The
 * check takes time in proportion to the text of the state, whatever numbers it has.
 *
 * @throws `ERR_BAD_OPTION` with the place; `ERR_OTHER_STATE` for a state of another release.
 */
export function checkState(value: unknown): asserts value is PipelineState {
  if (!isObject(value)) badOption('state', 'what `pipeline.state()` gave', value)
  const state = value as { readonly [name in keyof PipelineState]?: unknown }
  if (!STATE_VERSIONS.includes(state.version as 1))
    throw new SpindleError(
      'ERR_OTHER_STATE',
      `\`state\` has version ${show(state.version)}, this release reads version ${STATE_VERSIONS.join(' and ')}`,
    )
  must(Number.isSafeInteger(state.seed), 'state.seed', 'an integer', state.seed)
  mustBeTexts('state.graph', state.graph)
  must(isCount(state.failures), 'state.failures', 'an integer >= 0', state.failures)
  must(Array.isArray(state.sources), 'state.sources', 'an array', state.sources)
  for (const [at, source] of (state.sources as unknown[]).entries())
    checkSource(`state.sources[${at}]`, source, state.version === 1)
  must(
    state.batches === undefined || Array.isArray(state.batches),
    'state.batches',
    'an array, or left out',
    state.batches,
  )
  const batches = (state.batches ?? []) as unknown[]
  for (const [at, batch] of batches.entries())
    checkBatch(`state.batches[${at}]`, batch, batches.length)
  checkNesting(batches as { readonly members: readonly string[] }[])
}

function checkSource(where: string, value: unknown, isOld: boolean): void {
  must(isObject(value), where, 'an object', value)
  const { shard, ranks, epochs } = value as Members
  if (shard !== undefined) checkShard(`${where}.shard`, shard)
  const mayBeRanks =
    ranks === undefined || (!isOld && shard === undefined && isWithin(ranks, 1, MOST_RANKS))
  must(
    mayBeRanks,
    `${where}.ranks`,
    `an integer from 1 to ${MOST_RANKS}, in version 2 and without a shard`,
    ranks,
  )
  must(
    Array.isArray(epochs) && epochs.length > 0,
    `${where}.epochs`,
    'an array that is not empty',
    epochs,
  )
  const list = epochs as unknown[]
  must(list.length <= MOST_EPOCHS, `${where}.epochs.length`, `at most ${MOST_EPOCHS}`, list.length)
  let open = 0
  for (const [i, epoch] of list.entries()) {
    const place = `${where}.epochs[${i}]`
    checkEpoch(place, epoch, isOld)
    const { epoch: number, end } = epoch as { epoch: number; end?: number }
    const next = i === 0 ? number : (list[i - 1] as { epoch: number }).epoch + 1
    must(number === next, `${place}.epoch`, `${next}, after the one before it`, number)
    if (end === undefined) open++
  }
  must(
    open <= MOST_OPEN_EPOCHS,
    `${where}.epochs`,
    `at most ${MOST_OPEN_EPOCHS} without an \`end\``,
    open,
  )
}

function checkShard(where: string, value: unknown): void {
  const { rank, worldSize } = (isObject(value) ? value : {}) as Members
  must(
    isWithin(worldSize, 1, MOST_RANKS),
    `${where}.worldSize`,
    `an integer from 1 to ${MOST_RANKS}`,
    worldSize,
  )
  const most = (worldSize as number) - 1
  must(isWithin(rank, 0, most), `${where}.rank`, `an integer from 0 to ${most}`, rank)
}

function checkEpoch(where: string, value: unknown, isOld: boolean): void {
  must(isObject(value), where, 'an object', value)
  const { epoch, low, done = [], runs, parts = {}, end } = value as Members
  must(
    isCount(epoch) && epoch < Number.MAX_SAFE_INTEGER,
    `${where}.epoch`,
    'an integer from 0 to 2^53 - 2',
    epoch,
  )
  mustBePosition(`${where}.low`, low)
  if (end !== undefined) mustBePosition(`${where}.end`, end)
  const list = Array.isArray(done) ? (done as unknown[]) : []
  const isOk =
    Array.isArray(done) &&
    list.length % 2 === 0 &&
    list.every(
      (position, i) => isPosition(position) && position >= ((list[i - 1] ?? low) as number),
    )
  must(
    isOk,
    `${where}.done`,
    `first and last positions of runs, in their order, from \`low\` ${low} on`,
    done,
  )
  must(runs === undefined || !isOld, `${where}.runs`, 'left out in version 1', runs)
  if (runs !== undefined) checkRuns(`${where}.runs`, runs)
  must(isObject(parts), `${where}.parts`, 'an object', parts)
  for (const [position, ways] of Object.entries(parts as object)) {
    const name = `${where}.parts[${position}]`
    must(
      POSITION.test(position) && isPosition(Number(position)),
      name,
      'named by a position',
      position,
    )
    mustBeTexts(name, ways)
    for (const way of ways as string[]) must(WAY.test(way), name, 'of outputs, as `1.0`', way)
  }
}

function checkRuns(where: string, value: unknown): asserts value is readonly DoneRun[] {
  must(Array.isArray(value), where, 'an array of runs', value)
  const steps = new Set<number>()
  for (const [at, run] of (value as unknown[]).entries()) {
    const [first, last, step] = (Array.isArray(run) && run.length === 3 ? run : []) as unknown[]
    const isOk =
      isPosition(first) &&
      isWithin(step, 1, MOST_RANKS) &&
      (last === null ||
        (isPosition(last) && last >= first && (last - first) % (step as number) === 0))
    must(
      isOk,
      `${where}[${at}]`,
      '[first, last, step], with `last` a number of steps behind `first`, or null',
      run,
    )
    steps.add(step as number)
  }
  must(steps.size <= MOST_STEPS, where, `of at most ${MOST_STEPS} different steps`, steps.size)
}

function checkBatch(where: string, value: unknown, count: number): void {
  const { aggregate, members, done } = (isObject(value) ? value : {}) as Members
  must(isCount(aggregate), `${where}.aggregate`, 'an integer >= 0', aggregate)
  mustBeTexts(`${where}.members`, members)
  mustBeTexts(`${where}.done`, done)
  for (const [at, member] of (members as string[]).entries()) {
    must(
      MEMBER.test(member),
      `${where}.members[${at}]`,
      '`source/epoch/position` or `#batch`, and outputs',
      member,
    )
    const batch = /^#(\d+)/.exec(member)?.[1]
    must(
      batch === undefined || Number(batch) < count,
      `${where}.members[${at}]`,
      `of one of ${count} batches`,
      member,
    )
  }
  for (const [at, way] of (done as string[]).entries())
    must(WAY.test(way), `${where}.done[${at}]`, 'an output, as `1.0`', way)
}

/** Checks that no batch is a member of itself, directly or through other batches. */
function checkNesting(batches: readonly { readonly members: readonly string[] }[]): void {
  const inner = batches.map(({ members }) =>
    members.flatMap((member) => /^#(\d+)/.exec(member)?.[1] ?? []).map(Number),
  )
  const users = batches.map((): number[] => [])
  const missing = inner.map((numbers, at) => {
    for (const number of numbers) users[number]?.push(at)
    return numbers.length
  })
  const ready = [...missing.keys()].filter((at) => missing[at] === 0)
  for (let number = ready.pop(); number !== undefined; number = ready.pop())
    for (const user of users[number] as number[]) {
      missing[user] = (missing[user] as number) - 1
      if (missing[user] === 0) ready.push(user)
    }
  const at = missing.findIndex((count) => count > 0)
  must(
    at < 0,
    `state.batches[${at}].members`,
    'of batches that are not made of this one',
    batches[at]?.members,
  )
}

function mustBePosition(where: string, value: unknown): void {
  must(isCount(value), where, 'an integer >= 0', value)
  must(isPosition(value), where, 'at most 2^52', value)
}

function mustBeTexts(where: string, value: unknown): void {
  const isOk = Array.isArray(value) && value.every((one) => typeof one === 'string')
  must(isOk, where, 'an array of texts', value)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return isWithin(value, 0, Number.MAX_SAFE_INTEGER)
}

function isPosition(value: unknown): value is number {
  return isWithin(value, 0, MOST_POSITIONS)
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

function must(isOk: boolean, where: string, rule: string, value: unknown): void {
  if (!isOk) badOption(where, rule, value)
}
