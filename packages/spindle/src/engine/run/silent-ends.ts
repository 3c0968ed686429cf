import { plain } from '../../plain-text.ts'
import type { Stage } from '../stages/stage.ts'

// Warns of mistakes after which a program seems to end normally but has done nothing. Each warning
// appears once in a process.

/** With fewer items, no conclusion is possible. */
const MANY = 100

const warned: Set<string> = new Set()

/**
 * Warns if, at the end of a pipeline, a stage has dropped all its items although another stage
 * follows.
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

/** Warns when a consumer iterates a pipeline that has already ended. */
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

/** The last stage may output nothing, and so may one path of several. */
function isFollowed({ exits }: Stage): boolean {
  return exits.some(({ consumer }) => consumer.callsOps === true)
}

/**
 * Whether a function returns no value anywhere. An op that drops some items on purpose has a
 * `return`.
 */
function returnsNothing(code: unknown): boolean {
  if (typeof code !== 'function') return false
  const text = Function.prototype.toString.call(code)
  const [, body] = /^(?:async\s*)?(?:\([^)]*\)|[\w$]+)\s*=>\s*(.)/s.exec(text) ?? []
  const isExpression = body !== undefined && body !== '{'
  return !isExpression && !/\b(?:return|yield)\b|\[native code\]/.test(text)
}
