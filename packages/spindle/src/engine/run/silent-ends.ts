import { plain } from '../../plain-text.ts'
import type { Stage } from '../stages/stage.ts'

// Mistakes after which a program ends as if all were well, with nothing done. Each is warned of
// once a process.

/** Fewer items say nothing. */
const MANY = 100

const warned: Set<string> = new Set()

/**
 * A pipeline has come to its end: has a stage made nothing of anything, where the next one waited
 * for it?
 */
export function warnOfNothing(stages: readonly Stage[]): void {
  const stage = stages.find((one) => dropsAll(one) && isFollowed(one) && returnsNothing(one.code))
  if (stage === undefined) return
  const { name, where } = stage.info
  warn(
    'SPINDLE_ALL_DROPPED',
    `Stage "${name}"${where === undefined ? '' : ` (${where})`} dropped all of its ${stage.counters.skipped} items: its op returns nothing, and \`undefined\` drops an item. Is a \`return\` missing?`,
  )
}

/** A pipeline that has ended is iterated anew: nothing will come. */
export function warnOfSecondPass(where: string | undefined): void {
  warn(
    'SPINDLE_ENDED',
    `A pipeline${where === undefined ? '' : ` (made at ${where})`} is iterated although it has come to its end: it gives nothing any more. build() another one for another pass, or give addSource() \`continuous: true\`.`,
  )
}

function warn(code: string, message: string): void {
  if (warned.has(code)) return
  warned.add(code)
  process.emitWarning(`${plain(message)} Further ones are not told of.`, { code })
}

function dropsAll({ counters, exits }: Stage): boolean {
  return counters.skipped >= MANY && exits.every((exit) => exit.passed === 0)
}

/** The last stage may give nothing, and so may a path of several. */
function isFollowed({ exits }: Stage): boolean {
  return exits.some(({ consumer }) => consumer.callsOps === true)
}

/**
 * Whether a function has a body without a value to return: an op that drops some items on purpose
 * has one.
 */
function returnsNothing(code: unknown): boolean {
  if (typeof code !== 'function') return false
  const text = Function.prototype.toString.call(code)
  const [, body] = /^(?:async\s*)?(?:\([^)]*\)|[\w$]+)\s*=>\s*(.)/s.exec(text) ?? []
  const isExpression = body !== undefined && body !== '{'
  return !isExpression && !/\b(?:return|yield)\b|\[native code\]/.test(text)
}
