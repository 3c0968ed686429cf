import { nodeCrypto } from '../../builtins.ts'
import type { PipelineStats } from '../../engine/stats/pipeline-stats.ts'
import { amount, bytes, percent } from '../number-text.ts'
import { type SeriesPoint, type StagePoint, thinned } from '../series.ts'
import { type Chart, type Layer, renderChart, type Story } from './chart.ts'
import type { PageContent } from './content.ts'
import { renderGraph } from './graph-drawing.ts'
import { text } from './markup.ts'
import { renderFoot, renderHead, renderVerdict } from './overview.ts'
import { PAGE_SCRIPT } from './script.ts'
import {
  hasRetries,
  renderFailures,
  renderStages,
  renderTimes,
  renderTuning,
} from './stage-tables.ts'
import { PAGE_STYLE } from './style.ts'

/** Maximum number of rows of a chart's table. */
const MOST_ROWS = 24

/** The sections of the page, by the id of the element that holds each. */
export function renderSections(content: PageContent): Readonly<Record<string, string>> {
  const { report, points, unit } = content
  const { stats } = report
  // Thinned once for all tables, because joining points costs more than drawing them.
  const story: Story = { points, rows: thinned(points, MOST_ROWS) }
  return {
    head: renderHead(content),
    verdict: renderVerdict(content),
    graph: renderGraph(report),
    stages: renderStages(report),
    charts: mainCharts(unit, stats)
      .map((chart) => renderChart(chart, story))
      .join('\n'),
    series: stats.stages.map((stage, i) => stageCharts(stage.name, i, stats, story)).join('\n'),
    times: renderTimes(report),
    tuning: renderTuning(report),
    failures: renderFailures(report),
    foot: renderFoot(content),
  }
}

/**
 * A complete page without external resources. A live page listens to `events` (a URL beside it) and
 * updates its sections.
 */
export function renderPage(content: PageContent, isLive = false): string {
  const parts = renderSections(content)
  const { report } = content
  const hash = nodeCrypto().createHash('sha256').update(PAGE_SCRIPT).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; img-src data:${isLive ? "; connect-src 'self'" : ''}`
  const section = (id: string, heading: string, about = ''): string =>
    `<section aria-labelledby="${id}-heading"><h2 id="${id}-heading">${heading}</h2>${about === '' ? '' : `<p class="quiet">${about}</p>`}<div id="${id}"${id === 'charts' ? ' class="charts"' : ''}>${parts[id]}</div></section>`
  return `<!doctype html>
<html lang="en"${isLive ? ' data-live="events"' : ''}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${text(content.title)} – Spindle</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<div id="head">${parts.head}</div>
<section class="verdict-box" aria-label="Verdict" id="verdict">${parts.verdict}</section>
${section('graph', 'Stages and queues', `${LEGEND} On the arrows: the share of the time in which the queue held something. A full queue before a stage and an empty one after it mark the slow one.`)}
${section('charts', 'Over time')}
${section('series', 'Each stage over time', `${LEGEND} Right: how often its exit queue held something.`)}
${section('stages', 'All figures')}
${section('times', 'Run times', 'Bars: median to 90 %, lighter to 99 %; the mark is the longest. The scale is logarithmic.')}
${Object.keys(report.tuning.options).length === 0 ? '' : section('tuning', 'Tuning', 'What the pipeline has set by itself, the last moves first.')}
${section('failures', 'Failed items')}
${section('foot', 'Resources', 'Of this process and the processes it has started.')}
</main>
<p id="live" role="status" class="quiet"></p>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`
}

const LEGEND = `<span class="legend">${[
  ['running', 'busy'],
  ['queued', 'waits for a worker'],
  ['backoff', 'waits before it tries again'],
  ['throttled', 'waits for its rate limit'],
  ['blocked', 'blocked by its full exit queue'],
  ['track', 'starved: waits for an item'],
]
  .map(([tone, words]) => `<span><i class="${tone}"></i>${words}</span> `)
  .join('')}</span>`

function mainCharts(unit: string, stats: PipelineStats): Chart[] {
  const rate = (of: (point: SeriesPoint) => number) => (point: SeriesPoint) =>
    point.spanMs > 0 ? (of(point) * 1000) / point.spanMs : 0
  const plain = (label: string, of: (point: SeriesPoint) => number): Layer[] => [
    { label, tone: 'plain', of },
  ]
  return [
    {
      id: 'rate',
      title: 'Throughput',
      layers: plain(
        `${unit} in`,
        rate((point) => point.itemsIn),
      ),
      form: 'area',
      show: (value) => `${amount(value)}/s`,
    },
    {
      id: 'loop',
      title: 'Event loop busy',
      layers: plain('busy', (point) => point.loop),
      form: 'area',
      show: percent,
      ceiling: 1,
    },
    {
      id: 'cpu',
      title: 'CPU cores in use',
      layers: plain('cores', (point) => point.cpuCores),
      form: 'area',
      show: (value) => amount(Math.round(value * 100) / 100),
    },
    {
      id: 'memory',
      title: 'Resident memory',
      layers: plain('memory', (point) => point.rssBytes),
      form: 'area',
      show: bytes,
    },
    {
      id: 'failed',
      title: 'Failed items',
      layers: [{ label: 'failed', tone: 'failed', of: (point) => point.failures }],
      form: 'bars',
      show: amount,
    },
    {
      id: 'consumer',
      title: `Consumer busy (${amount(stats.items)} items taken)`,
      layers: plain('busy', (point) => point.consumer),
      form: 'area',
      show: percent,
      ceiling: 1,
    },
  ]
}

function stageCharts(name: string, index: number, stats: PipelineStats, story: Story): string {
  const of = (read: (stage: StagePoint) => number) => (point: SeriesPoint) =>
    read(point.stages[index] as StagePoint)
  const common = { form: 'area', show: percent, ceiling: 1, isSmall: true } as const
  const shares: Chart = {
    ...common,
    id: `slots-${index}`,
    title: `${name}: slots`,
    layers: [
      { label: 'busy', tone: 'running', of: of((stage) => stage.running) },
      { label: 'waits', tone: 'queued', of: of((stage) => stage.queued) },
      ...(hasRetries(stats)
        ? [{ label: 'waits to retry', tone: 'backoff', of: of((stage) => stage.backoff) }]
        : []),
      ...(stats.stages.some((one) => one.shares.throttled > 0)
        ? [{ label: 'rate limit', tone: 'throttled', of: of((stage) => stage.throttled) }]
        : []),
      { label: 'blocked', tone: 'blocked', of: of((stage) => stage.blocked) },
    ],
  }
  const queue: Chart = {
    ...common,
    id: `queue-${index}`,
    title: 'exit queue ready',
    layers: [{ label: 'ready', tone: 'ready', of: of((stage) => stage.occupancy) }],
  }
  const slots: Chart = {
    id: `concurrency-${index}`,
    title: 'slots there were',
    layers: [{ label: 'slots', tone: 'plain', of: of((stage) => stage.concurrency) }],
    form: 'area',
    show: (value) => amount(Math.round(value * 10) / 10),
    isSmall: true,
  }
  // Shows only stages whose concurrency was changed.
  const isTuned = story.points.some(
    (point) => point.stages[index]?.concurrency !== story.points[0]?.stages[index]?.concurrency,
  )
  const hasSlots = index < stats.stages.length - 1
  return `<div class="pair">${hasSlots ? renderChart(shares, story) : `<p class="none">${text(name)}</p>`}${renderChart(queue, story)}${isTuned ? renderChart(slots, story) : ''}</div>`
}
