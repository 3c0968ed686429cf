import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type BuildOptions, PipelineBuilder } from 'spindle'
import { type StatsRow, toJsonLines, toSqlite } from '../../../../examples/observe/log-stats.ts'
import { exportMetrics } from '../../../../examples/observe/opentelemetry.ts'
import { prometheusText, serveMetrics } from '../../../../examples/observe/prometheus.ts'
import { range } from '../support/sources.ts'

const hasSqlite = process.getBuiltinModule?.('node:sqlite' as string) !== undefined

const build = (options: BuildOptions = {}) =>
  new PipelineBuilder()
    .addSource(range(50))
    .pipe(
      async (n) => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (n === 7) throw new Error('bad')
        return n
      },
      { name: 'de"code\\\n', maxFailures: 1 },
    )
    .build(options)

describe('recipes of docs/observability.md', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'spindle-recipes-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('Prometheus reads the figures over HTTP', async () => {
    const pipeline = build()
    const server = await serveMetrics(pipeline, 0)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await pipeline.forEach(() => {})
    const response = await fetch(`${url}/metrics`)
    const text = await response.text()
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    assert.equal((await fetch(url)).status, 404)
    server.close()
    server.closeAllConnections()
    assert.equal(text, prometheusText(pipeline.stats()))
    // The grammar of https://prometheus.io/docs/instrumenting/exposition_formats/
    const sample =
      /^[a-z_:][a-z0-9_:]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? -?[\d.e+-]+$/
    for (const line of text.trimEnd().split('\n'))
      assert.ok(/^# (?:HELP|TYPE) /.test(line) || sample.test(line), line)
    assert.ok(text.includes('spindle_items_total{stage="de\\"code\\\\\\n"} 49\n'), text)
    assert.ok(text.includes('spindle_failures_total{stage="de\\"code\\\\\\n"} 1\n'))
    assert.ok(text.includes('\nspindle_dead_letters_total{answer="delivered"} 0\n'))
  })

  it('OpenTelemetry gets them as OTLP', async () => {
    const requests: { url: string | undefined; type: string | undefined; body: any }[] = []
    const collector = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        requests.push({
          url: request.url,
          type: request.headers['content-type'],
          body: JSON.parse(body),
        })
        response.end('{}')
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    const end = exportMetrics(
      `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/metrics`,
      'loader',
    )
    await build({ reportIntervalMs: 20 }).forEach(() => {})
    await end()
    collector.close()
    collector.closeAllConnections()
    assert.ok(requests.length >= 2, `${requests.length} requests`)
    const { url, type, body } = requests.at(-1) as (typeof requests)[number]
    assert.deepEqual([url, type], ['/v1/metrics', 'application/json'])
    const { metrics } = body.resourceMetrics[0].scopeMetrics[0]
    const items = metrics.find(({ name }: { name: string }) => name === 'spindle.items')
    assert.equal(items.sum.aggregationTemporality, 2)
    assert.deepEqual(
      items.sum.dataPoints.map(({ asDouble }: { asDouble: number }) => asDouble),
      [50, 49, 49],
    )
    for (const { startTimeUnixNano, timeUnixNano } of items.sum.dataPoints)
      assert.ok(
        /^\d{19}$/.test(startTimeUnixNano) && BigInt(startTimeUnixNano) < BigInt(timeUnixNano),
      )
    const times = metrics.find(({ name }: { name: string }) => name === 'spindle.slot.time')
    assert.equal(times.sum.dataPoints.length, 3 * 6)
  })

  it('a file of JSON lines has every interval of every stage', async () => {
    const file = join(folder, 'stats.jsonl')
    await build({ reportIntervalMs: 20, onStats: toJsonLines(file) }).forEach(() => {})
    const rows = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StatsRow)
    assert.ok(rows.length >= 2 * 3)
    const failed = rows
      .filter(({ stage }) => stage.startsWith('de"code'))
      .map(({ failures }) => failures)
    assert.equal(
      failed.reduce((sum, count) => sum + count, 0),
      1,
    )
  })

  it('so has a SQLite table', {
    skip: hasSqlite ? false : 'this Node has no node:sqlite without a flag',
  }, async () => {
    const file = join(folder, 'stats.db')
    const log = await toSqlite(file)
    await build({ onStats: log.onStats }).forEach(() => {})
    log.close()
    const { DatabaseSync } = await import('node:sqlite' as string)
    const database = new DatabaseSync(file)
    const rows = database
      .prepare('SELECT stage, sum(emitted) AS items FROM stats GROUP BY stage ORDER BY stage')
      .all()
    database.close()
    assert.deepEqual(
      rows.map(({ stage, items }: { stage: string; items: number }) => [stage, items]),
      [
        ['de"code\\\n', 49],
        ['sink', 49],
        ['source', 50],
      ],
    )
  })
})
