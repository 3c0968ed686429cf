import { wrap } from '../cells.ts'
import { makeTable, printBlocks, printVerdict, type Report } from '../engine/report/report.ts'
import { printTuning } from '../engine/report/tuning-text.ts'
import { type ItemError, messageOf } from '../errors.ts'
import { failuresOf, itemsIn } from '../observe/totals.ts'
import { plain } from '../plain-text.ts'
import { urlForMessages } from '../url-for-messages.ts'

const MOST_FAILURES = 10

/** What is said at the end besides the report itself. */
export interface SummaryNotes {
  readonly unit: string
  /** That other programs used the machine. */
  readonly warning: string | undefined
  /** Cells of the terminal; `undefined` where there is none. */
  readonly columns: number | undefined
}

/**
 * `64 images in 1.52 s: 42.1 images/s, 4 failed; slowest: decode`, after the table, the failures
 * and what held the loop, with what else must be known.
 */
export function summary(report: Report, { unit: named, warning, columns }: SummaryNotes): string {
  const { stats, failures } = report
  const unit = plain(named)
  const seconds = stats.elapsedMs / 1000
  const count = itemsIn(stats)
  const failed = failuresOf(stats)
  const shown = failures.slice(-MOST_FAILURES)
  const blocks = printBlocks(stats.blocks)
  const tuning = printTuning(report.tuning)
  const more = failed - shown.length
  const lines = [
    ...(failed === 0 ? [] : ['', `${failed} failed:`]),
    ...shown.map((failure) => `  ${failureLine(failure)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(blocks.length === 0 ? [] : ['', ...blocks]),
    ...(tuning.length === 0 ? [] : ['', ...tuning, ...options(report)]),
    '',
    `${count} ${unit} in ${seconds.toFixed(2)} s: ${(seconds > 0 ? count / seconds : 0).toFixed(1)} ${unit}/s, ${failed} failed, ${stats.items} items out.`,
    ...printVerdict(report),
    ...(warning === undefined ? [] : [`Noisy neighbours: ${plain(warning)}.`]),
  ]
  return [makeTable(stats, columns), ...lines.flatMap((line) => wrap(line, columns))].join('\n')
}

/** What to give to the stages instead of having them tuned. */
function options({ tuning }: Report): string[] {
  const lines = Object.entries(tuning.options).map(
    ([name, found]) => `  ${plain(name)}: ${plain(JSON.stringify(found))}`,
  )
  return lines.length === 0 ? [] : ['Options found:', ...lines]
}

function failureLine(failure: ItemError): string {
  const message = messageOf(failure.error)
  // A signed URL is as good as a key.
  const name = typeof failure.item === 'string' ? urlForMessages(failure.item) : undefined
  const item = name !== undefined && !message.includes(name) ? ` (${name})` : ''
  return plain(`${failure.stage}, item ${failure.index}${item}: ${message}`)
}
