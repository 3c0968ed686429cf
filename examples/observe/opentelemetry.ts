// Statistics for OpenTelemetry: OTLP over HTTP in its JSON form, which every collector accepts at
// :4318/v1/metrics. No SDK is needed.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { PipelineStats, StageStats, StatsEvent } from 'spindle'

/**
 * Sends the statistics of all pipelines in this process to a collector, whenever they publish some:
 * at the end, and at intervals with `build({ reportIntervalMs })`. Returns a function that stops
 * it; its promise resolves when everything has arrived.
 */
export function exportMetrics(url: string, service: string): () => Promise<void> {
  const sending = new Set<Promise<unknown>>()
  const send = (message: unknown): void => {
    const { total } = message as StatsEvent
    const post = fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(otlpMetrics(total, service)),
    })
      .then((response) => response.arrayBuffer())
      // A missing collector must not stop the work; the next sums include these.
      .catch(() => {})
    sending.add(post)
    void post.then(() => sending.delete(post))
  }
  subscribe('spindle:stats', send)
  return async () => {
    unsubscribe('spindle:stats', send)
    await Promise.all(sending)
  }
}

/**
 * An `ExportMetricsServiceRequest`; see https://opentelemetry.io/docs/specs/otlp/ and
 * metrics.proto.
 */
export function otlpMetrics(stats: PipelineStats, service: string): object {
  const now = Date.now()
  // 64-bit numbers are strings in JSON.
  const nanos = (ms: number): string => `${Math.round(ms)}000000`
  const times = { startTimeUnixNano: nanos(now - stats.elapsedMs), timeUnixNano: nanos(now) }
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
  const points = (of: (stage: StageStats) => Record<string, number>) =>
    stats.stages.flatMap((stage) =>
      Object.entries(of(stage)).map(([state, asDouble]) => ({
        attributes: [
          text('spindle.pipeline', String(stats.pipeline)),
          text('spindle.stage', stage.name),
          ...(state === '' ? [] : [text('state', state)]),
        ],
        ...times,
        asDouble,
      })),
    )
  const sum = (name: string, unit: string, of: (stage: StageStats) => Record<string, number>) => ({
    name,
    unit,
    // 2: cumulative, since the start.
    sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: points(of) },
  })
  const metrics = [
    sum('spindle.items', '{item}', ({ items }) => ({ '': items })),
    sum('spindle.failures', '{item}', ({ failures }) => ({ '': failures })),
    sum('spindle.slot.time', 's', ({ shares, concurrency }) =>
      Object.fromEntries(
        Object.entries(shares).map(([state, share]) => [
          state,
          (share * concurrency * stats.elapsedMs) / 1000,
        ]),
      ),
    ),
    {
      name: 'spindle.queue.items',
      unit: '{item}',
      gauge: { dataPoints: points(({ queue }) => ({ '': queue.size })) },
    },
  ]
  return {
    resourceMetrics: [
      {
        resource: { attributes: [text('service.name', service)] },
        scopeMetrics: [{ scope: { name: 'spindle' }, metrics }],
      },
    ],
  }
}
