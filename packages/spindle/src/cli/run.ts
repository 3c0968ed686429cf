import type { Report } from '../engine/report/report.ts'
import { graphOf, type Pipeline } from '../engine/run/pipeline.ts'
import { UnfinishedError } from '../engine/run/unfinished.ts'
import { describePending, type PendingWork } from '../engine/stages/pending-work.ts'
import { messageOf, PipelineFailure, SpindleError } from '../errors.ts'
import { shortened } from '../failure-text.ts'
import { ResourceMeter } from '../observe/resources/meter.ts'
import { resourceUsage } from '../observe/resources/usage.ts'
import { failuresOf, itemsIn } from '../observe/totals.ts'
import { type Trace, trace } from '../observe/trace.ts'

import { plainJson } from '../plain-text.ts'
import { terminalColumns } from '../table.ts'
import { urlForMessages } from '../url-for-messages.ts'
import { consume } from './consume.ts'

import type { DeadEnd, Ended } from './exit-status.ts'
import { type Loaded, loadPipeline, otherCopy } from './load-module.ts'
import { describe, onUnread, print, say } from './output.ts'
import { checkOutputFile, openPage } from './page-output.ts'
import { FAILED, OF_SIGNAL, OK, type StopSignal, UNREAD, UNWRITTEN } from './statuses.ts'
import { summary } from './summary.ts'
import { showView } from './view/view.ts'

/** Options of `spindle run`. */
export interface RunOptions {
  readonly module: string
  readonly exportName: string | undefined
  readonly limit: number | undefined
  readonly showsProgress: boolean | undefined
  readonly asJson: boolean
  /** File for the page of the report, and port for the live page (0: any); `undefined` for none. */
  readonly reportFile: string | undefined
  readonly uiPort: number | undefined
  /** File for a trace; `undefined` for none. */
  readonly traceFile: string | undefined
  /** Whether to tune the pipeline, whatever the module says. */
  readonly isTuned: boolean
  readonly args: readonly string[]
  readonly deadEnd: DeadEnd
}

/** Runs a module's pipeline to its end. Prints the result first, and then writes the files. */
export async function run(options: RunOptions): Promise<Ended> {
  const { deadEnd, module, limit, reportFile, traceFile } = options
  if (reportFile !== undefined) checkOutputFile('report', reportFile)
  if (traceFile !== undefined) checkOutputFile('trace', traceFile)
  deadEnd.doing(`loading ${module}`)
  const loaded = await loadPipeline(module, options.exportName, options.args, options.isTuned)
  const { pipeline, unit, sink } = loaded
  if (sink !== undefined && limit !== undefined)
    say('with --limit, items are not written to the sink')
  const page = await openPage(pipeline, unit, options)
  const resources = new ResourceMeter(resourceUsage)
  const tracing = traceFile === undefined ? undefined : startTrace(loaded, traceFile)
  const stops = new Stops(pipeline)
  const endView = showView(pipeline, unit, options.showsProgress)
  deadEnd.doing('the pipeline')
  const failure = await outcomeOf(consume(pipeline, limit, sink))
  stops.consumed()
  endView()
  deadEnd.doing('stopping the pipeline')
  const calls = pendingIn(pipeline)
  await outcomeOf(pipeline.stop())
  resources.advance()
  deadEnd.doing('writing the result')
  const unwritten: string[] = []
  if (!stops.isUnread) {
    const report = pipeline.report()
    const text = options.asJson
      ? plainJson(toJson(report, unit, failure))
      : summary(report, {
          unit,
          warning: resources.summary().warning,
          columns: terminalColumns(),
        })
    const error = await print(`${text}\n`)
    if (error !== undefined)
      unwritten.push(`standard output cannot be written: ${messageOf(error)}`)
  }
  if (failure !== undefined) say(failureText(failure.reason))
  for (const [what, writing] of [
    [`the report cannot be written to ${reportFile}`, page.end()],
    [`the trace cannot be written to ${traceFile}`, tracing?.stop()],
  ] as const) {
    const error = await outcomeOf(Promise.resolve(writing))
    if (error !== undefined) unwritten.push(`${what}: ${messageOf(error.reason)}`)
  }
  for (const line of unwritten) say(line)
  stops.release()
  return { status: statusOf(failure, stops, unwritten), calls: describePending(calls) }
}

interface Failure {
  readonly reason: unknown
}

async function outcomeOf(promise: Promise<unknown>): Promise<Failure | undefined> {
  try {
    await promise
    return undefined
  } catch (reason) {
    return { reason }
  }
}

function statusOf(
  failure: Failure | undefined,
  stops: Stops,
  unwritten: readonly string[],
): number {
  if (failure !== undefined) return FAILED
  if (stops.signal !== undefined) return OF_SIGNAL[stops.signal]
  if (stops.isUnread) return UNREAD
  return unwritten.length > 0 ? UNWRITTEN : OK
}

/**
 * @throws `ERR_MODULE` if the pipeline is of another copy of the package, which cannot be
 *   inspected.
 */
function startTrace({ pipeline, isOther }: Loaded, file: string): Trace {
  try {
    return trace(pipeline, { to: file })
  } catch (error) {
    // The inspected fields are private to each copy.
    throw isOther && error instanceof TypeError ? otherCopy('--trace', error) : error
  }
}

/** What stops a run before its end: a signal, or standard output that is not read any more. */
class Stops {
  /** The first signal. */
  signal: StopSignal | undefined
  isUnread = false
  /** Called when the pipeline has ended: a reader that leaves now stops nothing. */
  readonly consumed: () => void
  readonly release: () => void

  /**
   * The first signal stops the pipeline, and the report is printed. The second ends the process.
   */
  constructor(pipeline: Pipeline<unknown>) {
    const stop = (): void => void pipeline.stop().catch(() => {})
    const hit = (signal: StopSignal): void => {
      if (this.signal !== undefined) process.exit(OF_SIGNAL[signal])
      this.signal = signal
      process.stderr.write('\n')
      say('stopping; press Ctrl-C again to end at once')
      const calls = describePending(pendingIn(pipeline))
      if (calls !== '') say(`still running: ${calls}`)
      stop()
    }
    this.consumed = onUnread(() => {
      this.isUnread = true
      stop()
    })
    process.on('SIGINT', hit).on('SIGTERM', hit)
    this.release = () => {
      process.off('SIGINT', hit).off('SIGTERM', hit)
    }
  }
}

/** Calls that are still pending in a stopped pipeline. */
function pendingIn(pipeline: Pipeline<unknown>): readonly PendingWork[] {
  try {
    return graphOf(pipeline as Pipeline<never>).pendingWork
  } catch {
    // The pipeline is of another copy of the package.
    return []
  }
}

function failureText(failure: unknown): string {
  const isReported = failure instanceof PipelineFailure || failure instanceof SpindleError
  return isReported ? failure.message : describe(failure)
}

function toJson(report: Report, unit: string, failure: Failure | undefined): object {
  const { stats, bottleneck, missing, failures, tuning } = report
  const reason = failure?.reason
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
      message: shortened(messageOf(each.error)),
      ...(typeof each.item === 'string' ? { item: shortened(urlForMessages(each.item)) } : {}),
    })),
    error: failure === undefined ? null : errorText(reason),
    ...(reason instanceof UnfinishedError ? { unfinished: reason.pending } : {}),
    ...(stats.written === undefined ? {} : { written: stats.written }),
    bottleneck: bottleneck ?? null,
    ...(missing === undefined ? {} : { missing }),
    ...(Object.keys(tuning.options).length === 0 ? {} : { tuning }),
    stats,
  }
}

/** Lossless: JSON escapes the characters that a terminal must not get. */
function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${messageOf(error)}` : String(error)
}
