import { verdictText } from '../../engine/report/verdict/verdict-text.ts'
import { amount, bytes, duration, percent, perSecond } from '../number-text.ts'
import { failuresOf, itemsIn } from '../totals.ts'
import type { PageContent } from './content.ts'
import { sentence, text } from './markup.ts'

/** Heading, state, and the most important figures. */
export function renderHead({ title, unit, report, failure, resources }: PageContent): string {
  const { stats } = report
  const failed = failuresOf(stats)
  const state = failure === undefined ? stats.state : 'failed'
  const tiles = [
    [`${perSecond(itemsIn(stats), stats.elapsedMs)}`, `${unit}/s in`],
    [`${amount(itemsIn(stats))}`, `${unit} in`],
    [`${amount(stats.items)}`, 'items out'],
    [`${amount(failed)}`, 'failed', failed > 0 ? 'failed' : ''],
    [percent(stats.loopUtilization), 'event loop busy'],
    [
      amount(Math.round(resources.total.cpuCores * 10) / 10),
      `CPU cores of ${resources.total.cores}`,
    ],
    [bytes(resources.most.rssBytes), 'memory at most'],
  ]
  return `<header><h1>${text(title)}</h1><p class="state ${state}">${state} <span>after ${duration(stats.elapsedMs)}</span></p></header>
<dl class="tiles">${tiles.map(([value, label, tone = '']) => `<div class="${tone}"><dt>${text(label as string)}</dt><dd>${text(value as string)}</dd></div>`).join('')}</dl>`
}

/** What limits the pipeline, why, and what to do; then warnings. */
export function renderVerdict({ report, failure, resources }: PageContent): string {
  const { bottleneck, missing = '' } = report
  const failed =
    failure === undefined
      ? ''
      : `<p class="verdict"><span class="failed">Failed:</span> ${text(failure)}</p>`
  const warning =
    resources.warning === undefined
      ? ''
      : `<p class="warning"><strong>Noisy neighbours:</strong> ${text(resources.warning)}.</p>`
  if (bottleneck === undefined)
    return `${failed}<p class="verdict">Too little has happened to name a bottleneck: ${text(missing)}.</p>${warning}`
  const { limit, advice, gain, evidence } = verdictText(bottleneck)
  return `${failed}<p class="verdict"><strong>Bottleneck:</strong> ${sentence(limit)}</p><p>${sentence(advice)}</p><p class="quiet">${sentence(gain)}</p><p class="quiet">Evidence: ${text(evidence)}.</p>${warning}`
}

/** Where and when the pipeline ran, and what it used of the machine. */
export function renderFoot({ startedAt, resources }: PageContent): string {
  const { total, most } = resources
  const known = (value: number | undefined, show: (value: number) => string): string =>
    value === undefined ? 'unknown' : show(value)
  const rows: readonly (readonly [string, string])[] = [
    ['CPU', `${total.cpuCores.toFixed(2)} cores on average, ${most.cpuCores.toFixed(2)} at most`],
    [
      'CPU of the machine',
      `${percent(total.machineBusy)} busy, ${percent(total.othersBusy)} by other programs`,
    ],
    [
      'Threads waiting for a CPU',
      known(total.threadsWaiting, (count) => `${count.toFixed(2)} on average`),
    ],
    ['Resident memory', `${bytes(total.rssBytes)} at the end, ${bytes(most.rssBytes)} at most`],
    ['Processes, threads', `${most.processes}, ${known(most.threads, String)} at most`],
    [
      'Storage',
      `${known(total.readBytes, bytes)} read, ${known(total.writtenBytes, bytes)} written`,
    ],
    [
      'Network of the machine',
      `${known(total.receivedBytes, bytes)} received, ${known(total.sentBytes, bytes)} sent`,
    ],
    [
      'Context switches',
      `${amount(total.voluntarySwitches)} by waiting, ${amount(total.involuntarySwitches)} forced`,
    ],
  ]
  return `<dl class="facts">${rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${text(value)}</dd></div>`).join('')}</dl>
<p class="quiet">Started ${text(startedAt.toISOString().replace('T', ' ').slice(0, 19))} UTC, Node ${process.versions.node}, ${process.platform} ${process.arch}.</p>`
}
