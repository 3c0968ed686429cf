import type { Pipeline } from '../engine/pipeline.ts'
import { printBlocks, type Report } from '../engine/report.ts'
import { type ItemError, messageOf, PipelineFailure } from '../errors.ts'
import { ResourceMeter } from '../observe/resources/meter.ts'
import { resourceUsage } from '../observe/resources/usage.ts'
import { failuresOf, itemsIn } from '../observe/totals.ts'
import { trace } from '../observe/trace.ts'
import { urlForMessages } from '../url-for-messages.ts'
import { loadPipeline } from './load-module.ts'
import { checkOutputFile, openPage } from './page-output.ts'
import { showView } from './view/view.ts'

/** What `spindle run` was asked for. */
export interface RunOptions {
  readonly module: string
  readonly exportName: string | undefined
  readonly limit: number | undefined
  readonly showsProgress: boolean | undefined
  readonly asJson: boolean
  /** File for the page of the report, and port for the live one (0: any); `undefined` for none. */
  readonly reportFile: string | undefined
  readonly uiPort: number | undefined
  /** File for a trace; `undefined` for none. */
  readonly traceFile: string | undefined
  readonly args: readonly string[]
}

const MOST_FAILURES = 10
const INTERRUPTED = 130

/** Runs a module's pipeline to its end; returns the exit status. */
export async function run(options: RunOptions): Promise<number> {
  if (options.reportFile !== undefined) checkOutputFile('report', options.reportFile)
  if (options.traceFile !== undefined) checkOutputFile('trace', options.traceFile)
  const { pipeline, unit } = await loadPipeline(options.module, options.exportName, options.args)
  const page = await openPage(pipeline, unit, options)
  const resources = new ResourceMeter(resourceUsage)
  const tracing = options.traceFile === undefined ? undefined : trace(pipeline, { to: options.traceFile })
  const interrupt = onInterrupt(pipeline)
  const endView = showView(pipeline, unit, options.showsProgress)
  let failure: unknown
  try {
    await consume(pipeline, options.limit)
  } catch (error) {
    failure = error
  } finally {
    endView()
    await pipeline.stop()
    await page.end()
    await tracing?.stop()
    interrupt.release()
  }
  resources.advance()
  const report = pipeline.report()
  if (options.asJson) process.stdout.write(`${JSON.stringify(toJson(report, unit, failure))}\n`)
  else process.stdout.write(`${summary(report, unit, resources.summary().warning)}\n`)
  if (failure !== undefined) {
    process.stderr.write(
      `spindle: ${failure instanceof PipelineFailure ? failure.message : describe(failure)}\n`,
    )
    return 1
  }
  return interrupt.wasHit ? INTERRUPTED : 0
}

async function consume(pipeline: Pipeline<unknown>, limit: number | undefined): Promise<void> {
  if (limit === undefined) {
    await pipeline.forEach(() => {})
    return
  }
  let taken = 0
  for await (const _ of pipeline) {
    taken++
    if (taken >= limit) return
  }
}

/** The first Ctrl-C stops the pipeline and lets the report be printed; the second ends the process. */
function onInterrupt(pipeline: Pipeline<unknown>): { readonly wasHit: boolean; release(): void } {
  const state = { wasHit: false, release: () => process.off('SIGINT', hit).off('SIGTERM', hit) }
  const hit = (): void => {
    if (state.wasHit) process.exit(INTERRUPTED)
    state.wasHit = true
    process.stderr.write('\nspindle: stopping (once more to end at once)\n')
    pipeline.stop().catch(() => {})
  }
  process.on('SIGINT', hit).on('SIGTERM', hit)
  return state
}

/** `64 images in 1.52 s: 42.1 images/s, 4 failed; slowest: decode`, after the table, the failures and what held the loop, with what else must be known. */
export function summary(report: Report, unit: string, warning: string | undefined): string {
  const { stats, bottleneck, failures } = report
  const seconds = stats.elapsedMs / 1000
  const count = itemsIn(stats)
  const failed = failuresOf(stats)
  const shown = failures.slice(-MOST_FAILURES)
  const blocks = printBlocks(stats.blocks)
  const more = failed - shown.length
  return [
    report.table,
    ...(failed === 0 ? [] : ['', `${failed} failed:`]),
    ...shown.map((failure) => `  ${failureLine(failure)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(blocks.length === 0 ? [] : ['', ...blocks]),
    '',
    `${count} ${unit} in ${seconds.toFixed(2)} s: ${(seconds > 0 ? count / seconds : 0).toFixed(1)} ${unit}/s, ${failed} failed, ${stats.items} items out.`,
    ...(bottleneck === undefined
      ? []
      : [`Slowest: ${bottleneck.stage} (${bottleneck.reason}).`, `${capital(bottleneck.advice)}.`]),
    ...(warning === undefined ? [] : [`Noisy neighbours: ${warning}.`]),
  ].join('\n')
}

function failureLine(failure: ItemError): string {
  const message = messageOf(failure.error)
  // A signed URL is as good as a key.
  const name = typeof failure.item === 'string' ? urlForMessages(failure.item) : undefined
  const item = name !== undefined && !message.includes(name) ? ` (${name})` : ''
  return `${failure.stage}, item ${failure.index}${item}: ${message}`
}

function toJson(report: Report, unit: string, failure: unknown): object {
  const { stats, bottleneck, failures } = report
  return {
    unit,
    count: itemsIn(stats),
    elapsedMs: stats.elapsedMs,
    perSecond: stats.elapsedMs > 0 ? (itemsIn(stats) * 1000) / stats.elapsedMs : 0,
    failed: failuresOf(stats),
    failures: failures.map((each) => ({
      stage: each.stage,
      index: each.index,
      attempts: each.attempts,
      message: messageOf(each.error),
      ...(typeof each.item === 'string' ? { item: urlForMessages(each.item) } : {}),
    })),
    error: failure === undefined ? null : describe(failure),
    bottleneck: bottleneck ?? null,
    stats,
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
