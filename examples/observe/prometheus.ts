// A pipeline's statistics for Prometheus: the text format (version 0.0.4) over HTTP, with Node
// alone.
import { createServer, type Server } from 'node:http'
import { findBottleneck, type Pipeline, type PipelineStats, type StageStats } from 'spindle'

/**
 * Serves `/metrics` for one pipeline until the server is closed. It keeps no process alive. Port 0
 * means any free port.
 */
export async function serveMetrics(
  pipeline: Pipeline<unknown>,
  port: number,
  host = '127.0.0.1',
): Promise<Server> {
  const server = createServer((request, response) => {
    const isMetrics = request.method === 'GET' && request.url === '/metrics'
    response.writeHead(isMetrics ? 200 : 404, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    })
    response.end(isMetrics ? prometheusText(pipeline.stats()) : 'the figures are at /metrics\n')
  })
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  return server
}

/** Values since the start: counters, from which Prometheus computes rates, and gauges. */
export function prometheusText(stats: PipelineStats): string {
  const lines: string[] = []
  const metric = (
    name: string,
    type: string,
    help: string,
    of: (stage: StageStats) => readonly Sample[],
  ): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const stage of stats.stages)
      for (const [value, labels, suffix = ''] of of(stage))
        lines.push(`${name}${suffix}{${write({ stage: stage.name, ...labels })}} ${value}`)
  }
  metric('spindle_items_total', 'counter', 'Items done.', ({ items }) => [[items]])
  metric(
    'spindle_failures_total',
    'counter',
    'Items dropped because they failed.',
    ({ failures }) => [[failures]],
  )
  metric('spindle_retries_total', 'counter', 'Attempts after the first.', ({ retries }) => [
    [retries],
  ])
  metric(
    'spindle_slot_seconds_total',
    'counter',
    'Time of slots by what they did.',
    ({ shares, concurrency }) =>
      Object.entries(shares).map(([state, share]) => [
        (share * concurrency * stats.elapsedMs) / 1000,
        { state },
      ]),
  )
  metric('spindle_task_seconds', 'summary', 'Time of a task.', ({ p50Ms, p90Ms, p99Ms, sums }) => [
    [p50Ms / 1000, { quantile: '0.5' }],
    [p90Ms / 1000, { quantile: '0.9' }],
    [p99Ms / 1000, { quantile: '0.99' }],
    [sums.timedMs / 1000, {}, '_sum'],
    [sums.timed, {}, '_count'],
  ])
  metric('spindle_queue_items', 'gauge', 'Items in the exit queue.', ({ queue }) => [[queue.size]])
  metric(
    'spindle_queue_empty_seconds_total',
    'counter',
    'Time in which the exit queue held nothing.',
    ({ queue }) => [[queue.emptyMs / 1000]],
  )
  return `${[...lines, ...letterLines(stats), ...machineLines(stats)].join('\n')}\n`
}

/** Counts of the failed items that were passed to `deadLetter`. */
function letterLines({ deadLetters: { delivered, refused, pending } }: PipelineStats): string[] {
  return [
    '# HELP spindle_dead_letters_total Failed items given to deadLetter, by its answer.',
    '# TYPE spindle_dead_letters_total counter',
    `spindle_dead_letters_total{answer="delivered"} ${delivered}`,
    `spindle_dead_letters_total{answer="refused"} ${refused}`,
    '# HELP spindle_dead_letters_pending Failed items that deadLetter has not answered yet.',
    '# TYPE spindle_dead_letters_pending gauge',
    `spindle_dead_letters_pending ${pending}`,
  ]
}

/** Values of the whole pipeline: the CPU, and the bottleneck. */
function machineLines(stats: PipelineStats): string[] {
  const { own, others, waiting } = stats.cpu
  const uses = Object.entries({ own, others, waiting }).filter(([, cores]) => cores !== undefined)
  const bottleneck = findBottleneck(stats)
  return [
    '# HELP spindle_cpu_cores Cores used since the start, by this process and by others, and threads that waited for one.',
    '# TYPE spindle_cpu_cores gauge',
    ...uses.map(([use, cores]) => `spindle_cpu_cores{${write({ use })}} ${cores}`),
    '# HELP spindle_bottleneck What limits the throughput; the value is how many times as fast the advice makes it.',
    '# TYPE spindle_bottleneck gauge',
    ...(bottleneck === undefined
      ? []
      : [
          `spindle_bottleneck{${write({ stage: bottleneck.stage, kind: bottleneck.kind })}} ${bottleneck.promise}`,
        ]),
  ]
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>, suffix?: string]

function write(labels: Readonly<Record<string, string>>): string {
  const escaped = (text: string) =>
    text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')
}
