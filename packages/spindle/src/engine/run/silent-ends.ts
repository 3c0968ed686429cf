import { plain } from '../../plain-text.ts'
import { AggregateStage } from '../stages/aggregate-stage.ts'
import type { Stage } from '../stages/stage.ts'

// Warns of mistakes after which a program seems to end normally but has done nothing. Each warning
// appears once for each place in the user's code.

/** With fewer items, no conclusion is possible. */
const MANY = 100

const warned: Set<string> = new Set()
const MOST_WARNINGS = 100

/**
 * Warns if a stage has dropped all its items although another stage follows. It is called at the
 * end of a pipeline, and for one stage when it has dropped very many items.
 */
export function warnOfNothing(stages: readonly Stage[], isOver = true): void {
  const stage = stages.find(
    (one) => dropsAll(one) && isFollowed(one, stages) && isMistake(one, isOver),
  )
  if (stage === undefined) return
  const { name, where } = stage.info
  warn(
    'SPINDLE_ALL_DROPPED',
    `${where} ${name}`,
    `Stage "${name}"${where === undefined ? '' : ` (${where})`} dropped all of its ${stage.counters.skipped} items, because its op returned \`undefined\` for each of them. Check that the op has a \`return\`.`,
  )
}

/** Warns when a consumer iterates a pipeline that has already ended. */
export function warnOfSecondPass(where: string | undefined): void {
  warn(
    'SPINDLE_ENDED',
    String(where),
    `A pipeline${where === undefined ? '' : ` (made at ${where})`} is iterated again after its end, and gives no more items. For another pass, build() another pipeline, or give addSource() \`continuous: true\`.`,
  )
}

function warn(code: string, place: string, message: string): void {
  const key = `${code} ${place}`
  if (warned.has(key) || warned.size === MOST_WARNINGS) return
  warned.add(key)
  process.emitWarning(`${plain(message)} This warning is shown once for each place.`, { code })
}

function dropsAll(stage: Stage): boolean {
  // An aggregator that has not completed a batch also drops nothing but its inputs.
  if (stage instanceof AggregateStage || stage.lastCalls[0] !== stage) return false
  return stage.counters.skipped >= MANY && stage.exits.every((exit) => exit.passed === 0)
}

/** The last stage may output nothing, and so may one path of several. */
function isFollowed(stage: Stage, stages: readonly Stage[]): boolean {
  if (stage.exits.some(({ consumer }) => consumer.callsOps === true)) return true
  // A stage within a region has no exit of its own on this side.
  const { id } = stage.info
  if (stages.some((other) => other.callsOps && other.upstream?.includes(id))) return true
  const region = stages.find((other) => other !== stage && other.lastCalls.includes(stage))
  return region?.exits.some(({ consumer }) => consumer.callsOps === true) ?? false
}

/**
 * An op that drops some items on purpose has a `return`. The code of an op in a worker is unknown
 * here, so only its result at the end counts.
 */
function isMistake({ code, workers }: Stage, isOver: boolean): boolean {
  return typeof code === 'function' ? returnsNothing(code) : isOver && workers !== undefined
}

/** Whether a function returns no value anywhere. */
function returnsNothing(code: object): boolean {
  const text = Function.prototype.toString.call(code)
  const [, body] = /^(?:async\s*)?(?:\([^)]*\)|[\w$]+)\s*=>\s*(.)/s.exec(text) ?? []
  const isExpression = body !== undefined && body !== '{'
  return !isExpression && !/\b(?:return|yield)\b|\[native code\]/.test(text)
}
