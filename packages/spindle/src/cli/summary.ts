import { wrap } from '../cells.ts'
import { makeTable, printBlocks, type Report } from '../engine/report.ts'
import type { Bottleneck } from '../engine/verdict.ts'
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

/** `64 images in 1.52 s: 42.1 images/s, 4 failed; slowest: decode`, after the table, the failures and what held the loop, with what else must be known. */
export function summary(report: Report, { unit: named, warning, columns }: SummaryNotes): string {
  const { stats, failures } = report
  const unit = plain(named)
  const seconds = stats.elapsedMs / 1000
  const count = itemsIn(stats)
  const failed = failuresOf(stats)
  const shown = failures.slice(-MOST_FAILURES)
  const blocks = printBlocks(stats.blocks)
  const more = failed - shown.length
  const lines = [
    ...(failed === 0 ? [] : ['', `${failed} failed:`]),
    ...shown.map((failure) => `  ${failureLine(failure)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(blocks.length === 0 ? [] : ['', ...blocks]),
    '',
    `${count} ${unit} in ${seconds.toFixed(2)} s: ${(seconds > 0 ? count / seconds : 0).toFixed(1)} ${unit}/s, ${failed} failed, ${stats.items} items out.`,
    ...verdict(report.bottleneck),
    ...(warning === undefined ? [] : [`Noisy neighbours: ${plain(warning)}.`]),
  ]
  return [makeTable(stats, columns), ...lines.flatMap((line) => wrap(line, columns))].join('\n')
}

function verdict(bottleneck: Bottleneck | undefined): string[] {
  if (bottleneck === undefined) return []
  const { stage, reason, advice } = bottleneck
  return [`Slowest: ${plain(stage)} (${plain(reason)}).`, `${capital(plain(advice))}.`]
}

function failureLine(failure: ItemError): string {
  const message = messageOf(failure.error)
  // A signed URL is as good as a key.
  const name = typeof failure.item === 'string' ? urlForMessages(failure.item) : undefined
  const item = name !== undefined && !message.includes(name) ? ` (${name})` : ''
  return plain(`${failure.stage}, item ${failure.index}${item}: ${message}`)
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
