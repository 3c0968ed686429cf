import { wrap } from '../cells.ts'
import { makeTable, printBlocks, printVerdict, type Report } from '../engine/report/report.ts'
import { printTuning } from '../engine/report/tuning-text.ts'
import { type ItemError, messageOf } from '../errors.ts'
import { quoted } from '../failure-text.ts'
import { failuresOf, itemsIn, writtenText } from '../observe/totals.ts'
import { plain } from '../plain-text.ts'
import { urlForMessages } from '../url-for-messages.ts'

const MOST_FAILURES = 10

/** What the summary has besides the report itself. */
export interface SummaryNotes {
  readonly unit: string
  /** Warning that other programs used the machine. */
  readonly warning: string | undefined
  /** Width of the terminal in cells; `undefined` without a terminal. */
  readonly columns: number | undefined
}

/**
 * The text at the end of a run: the table, the failures, the code that blocked the event loop and
 * the tuner's moves. Then `64 images in 1.52 s: 42.1 images/s, 4 failed, 60 items out.`, the
 * verdict, and a warning about other programs.
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
    ...(stats.written === undefined ? [] : [`Written: ${writtenText(stats.written)}.`]),
    ...printVerdict(report),
    ...(warning === undefined ? [] : [`Noisy neighbours: ${plain(warning)}.`]),
  ]
  return [makeTable(stats, columns), ...lines.flatMap((line) => wrap(line, columns))].join('\n')
}

/** The options that replace the tuning of the stages. */
function options({ tuning }: Report): string[] {
  const lines = Object.entries(tuning.options).map(
    ([name, found]) => `  ${plain(name)}: ${plain(JSON.stringify(found))}`,
  )
  return lines.length === 0 ? [] : ['Options found:', ...lines]
}

function failureLine(failure: ItemError): string {
  const message = quoted(messageOf(failure.error))
  // A signed URL is a secret.
  const name = typeof failure.item === 'string' ? quoted(urlForMessages(failure.item)) : undefined
  const item = name !== undefined && !message.includes(name) ? ` (${name})` : ''
  return plain(`${failure.stage}, item ${failure.index}${item}: ${message}`)
}
