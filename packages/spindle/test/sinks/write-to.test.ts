import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { PipelineBuilder } from 'spindle'
import { jsonlShards, type Sink, shardSink, type WriteProgress } from 'spindle/sinks'
import { type ObjectStore, openStore } from 'spindle/source'
import { abandoned, failing } from '../support/failing-store.ts'
import { until, untilAborted } from '../support/gates.ts'
import { S3Server } from '../support/s3-server.ts'
import { range } from '../support/sources.ts'
import { tries } from '../support/tries.ts'

const server = new S3Server()
let endpoint = ''
before(async () => {
  endpoint = await server.listen()
})
after(async () => {
  for (const writer of abandoned) await writer.abort()
  await server[Symbol.asyncDispose]()
})

let places = 0
const stores: Record<string, () => ObjectStore> = {
  'a folder': () => openStore(mkdtempSync(join(tmpdir(), 'sink-'))),
  'an S3 bucket': () =>
    openStore(`s3://bucket/out-${places++}`, {
      endpoint,
      minDelayMs: 1,
      maxDelayMs: 2,
      retries: 1,
    }),
}

/** Every item twice, as two outputs of a generator, out of order. */
const twice = (count: number) =>
  new PipelineBuilder().addSource(range(count)).pipe(
    async function* (n: number) {
      yield n
      if (n % 3 === 0) await new Promise(setImmediate)
      yield -n - 1
    },
    { concurrency: 4 },
  )

const wanted = (count: number): number[] =>
  range(count)
    .flatMap((n) => [n, -n - 1])
    .sort((a, b) => a - b)

/** The rows of the shards that the manifest names, which are checked against it. */
async function rowsIn(store: ObjectStore): Promise<number[]> {
  const manifest = JSON.parse(String(await store.read('manifest.json')))
  const rows: number[] = []
  for (const { name, count, bytes, digest } of manifest.shards) {
    const body = await store.read(name)
    assert.equal(body.length, bytes)
    assert.equal(`sha256:${createHash('sha256').update(body).digest('hex')}`, digest)
    const lines = String(body).trim().split('\n')
    assert.equal(lines.length, count)
    rows.push(...lines.map(Number))
  }
  assert.equal(manifest.count, rows.length)
  return rows.sort((a, b) => a - b)
}

async function namesIn(store: ObjectStore): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list()) names.push(name)
  return names
}

for (const [kind, open] of Object.entries(stores)) {
  describe(`writeTo ${kind}`, () => {
    it('writes shards, and returns when all is committed', async () => {
      const store = open()
      const result = await twice(50)
        .build()
        .writeTo(jsonlShards(store, { maxRecords: 30 }))
      assert.deepEqual(
        result?.shards.map(({ count }) => count),
        [30, 30, 30, 10],
      )
      assert.deepEqual(await rowsIn(store), wanted(50))
      const seen = (await namesIn(store)).filter((name) => !name.startsWith('_spindle/'))
      assert.deepEqual(seen, ['manifest.json', ...range(4).map((n) => `shard-00000${n}.jsonl`)])
    })

    it('refuses a place that holds results, unless the run is resumed', async () => {
      const store = open()
      const sink = jsonlShards<number>(store)
      const first = await twice(5).build().writeTo(sink)
      await assert.rejects(twice(5).build().writeTo(sink), {
        code: 'ERR_EXISTS',
        message: /resume/,
      })
      const again = await twice(5).build().writeTo(sink, { resume: true })
      assert.deepEqual(again, first)
      const others = open()
      await others.create('shard-000000.jsonl', 'of somebody else')
      for (const resume of [false, true])
        await assert.rejects(twice(5).build().writeTo(jsonlShards(others), { resume }), {
          code: 'ERR_EXISTS',
        })
      assert.equal(String(await others.read('shard-000000.jsonl')), 'of somebody else')
      const other = shardSink<number>(store, {
        kind: 'other',
        extension: '.x',
        encoder: () => ({ add: () => 1, keptBytes: 0, finish: () => {} }),
      })
      await assert.rejects(twice(5).build().writeTo(other, { resume: true }), {
        code: 'ERR_OTHER_STATE',
      })
    })

    it('has each result exactly once, wherever earlier runs broke off', async () => {
      const count = 40
      for (let at = 1; at <= tries(5); at++) {
        const store = open()
        let runs = 0
        for (; ; runs++) {
          assert.ok(runs < 60, 'no progress')
          // Each run makes a few more calls than the one before, then everything fails.
          const broken = failing(store, at + runs * 2, runs % 2 === 0)
          const sink = jsonlShards<number>(broken, { maxRecords: 17 })
          try {
            await twice(count).build().writeTo(sink, { resume: true })
            break
          } catch (error) {
            assert.match(String(error), /crash/)
          }
        }
        assert.deepEqual(await rowsIn(store), wanted(count), `${at}`)
        const manifest = JSON.parse(String(await store.read('manifest.json')))
        const left = (await namesIn(store)).filter((name) => /^shard/.test(name))
        assert.deepEqual(left, manifest.shards.map(({ name }: { name: string }) => name).sort())
      }
    })

    it('lets one of two writers win', async () => {
      const store = open()
      const outcomes = await Promise.allSettled(
        range(2).map(() =>
          twice(60)
            .build()
            .writeTo(jsonlShards(store, { maxRecords: 7 }), { resume: true }),
        ),
      )
      const failed = outcomes.filter(({ status }) => status === 'rejected')
      for (const outcome of failed)
        assert.equal((outcome as PromiseRejectedResult).reason.code, 'ERR_CHECKPOINT_TAKEN')
      await twice(60)
        .build()
        .writeTo(jsonlShards(store, { maxRecords: 7 }), { resume: true })
      assert.deepEqual(await rowsIn(store), wanted(60))
    })
  })
}

describe('writeTo', () => {
  const folder = () => mkdtempSync(join(tmpdir(), 'sink-'))

  it('commits what was consumed when the pipeline is stopped, and continues there', async () => {
    const place = folder()
    let isHeld = true
    const held = twice(500).pipe(async (n, { signal }) =>
      isHeld && n === 200 ? await untilAborted(signal) : n,
    )
    const pipeline = held.build()
    const writing = pipeline.writeTo(jsonlShards(place), { resume: true })
    await until(() => (pipeline.stats().stages.at(-1)?.emitted ?? 0) > 300)
    await pipeline.stop()
    assert.equal(await writing, undefined)
    const names = readdirSync(place).filter((name) => name.startsWith('shard'))
    assert.equal(names.length, 1)
    isHeld = false
    const result = await held.build().writeTo(jsonlShards(place), { resume: true })
    assert.equal(result?.count, 1000)
    assert.equal(result?.shards.length, 2)
    assert.deepEqual(await rowsIn(openStore(place)), wanted(500))
  })

  it('rejects with the failure of the pipeline, of an item, and with the reason of a signal', async () => {
    const failing = new PipelineBuilder().addSource(range(100)).pipe((n) => {
      if (n === 40) throw new Error('forty')
      return n
    })
    const place = folder()
    await assert.rejects(
      failing.build().writeTo(jsonlShards(place, { maxRecords: 10 }), { resume: true }),
      { code: 'ERR_PIPELINE_FAILED' },
    )
    const mended = new PipelineBuilder().addSource(range(100)).pipe((n) => n, { name: 'op' })
    await assert.rejects(mended.build().writeTo(jsonlShards(place), { resume: true }), {
      code: 'ERR_OTHER_STATE',
    })
    const bad = new PipelineBuilder().addSource([1, 10n, 3])
    await assert.rejects(bad.build().writeTo(jsonlShards(folder())), { code: 'ERR_BAD_RECORD' })
    const controller = new AbortController()
    const aborted = twice(1e6).build().writeTo(jsonlShards(folder()), { signal: controller.signal })
    setImmediate(() => controller.abort(new Error('enough')))
    await assert.rejects(aborted, /enough/)
  })

  it('refuses what is no sink, a started pipeline, and one that cannot be resumed', async () => {
    const build = () => new PipelineBuilder().addSource([1]).build()
    await assert.rejects(build().writeTo({} as Sink<number, void>), { code: 'ERR_BAD_OPTION' })
    await assert.rejects(build().writeTo(jsonlShards(folder()), { resume: 1 as never }), {
      code: 'ERR_BAD_OPTION',
    })
    const started = build()
    started.start()
    await assert.rejects(started.writeTo(jsonlShards(folder()), { resume: true }), {
      code: 'ERR_ALREADY_STARTED',
    })
    await started.stop()
    const stream = new PipelineBuilder().addSource([1, 2].values()).build()
    await assert.rejects(stream.writeTo(jsonlShards(folder()), { resume: true }), {
      code: 'ERR_NOT_RESUMABLE',
    })
    const explicit = new PipelineBuilder().addSource([1, 2]).build({
      resumable: { commit: 'explicit' },
    })
    await assert.rejects(explicit.writeTo(jsonlShards(folder())), {
      code: 'ERR_BAD_OPTION',
      message: /commit/,
    })
    await explicit.stop()
    const place = folder()
    const broken = new PipelineBuilder().addSource(range(50)).pipe((n) => {
      if (n === 30) throw new Error('thirty')
      return n
    })
    await assert.rejects(broken.build().writeTo(jsonlShards(place, { maxRecords: 5 })))
    await assert.rejects(broken.build().writeTo(jsonlShards(place), { resume: true }), {
      code: 'ERR_NOT_RESUMABLE',
      message: /without states/,
    })
    const once = new PipelineBuilder().addSource([1, 2].values()).build()
    assert.equal((await once.writeTo(jsonlShards(folder())))?.count, 2)
  })

  it('tells how far it is: onProgress, and stats().written', async () => {
    const place = folder()
    const seen: WriteProgress[] = []
    const options = { resume: true, onProgress: (progress: WriteProgress) => seen.push(progress) }
    const pipeline = twice(50).build()
    assert.equal(pipeline.stats().written, undefined)
    const result = await pipeline.writeTo(jsonlShards(place, { maxRecords: 30 }), options)
    const last = { items: 100, shards: 4, records: 100, bytes: result?.bytes }
    assert.deepEqual(seen.at(-1), last)
    assert.deepEqual(pipeline.stats().written, last)
    assert.ok(seen.length >= 3, 'after each commit')
    for (const [at, { shards, records, bytes }] of seen.entries()) {
      const before = seen[at - 1] ?? { shards: 0, records: 0, bytes: 0 }
      assert.ok(shards >= before.shards && records >= before.records && bytes >= before.bytes)
    }
    await twice(50)
      .build()
      .writeTo(jsonlShards(place, { maxRecords: 30 }), options)
    assert.deepEqual(seen.at(-1), { ...last, items: 0 }, 'a run that is complete')
    const refusing = twice(50)
      .build()
      .writeTo(jsonlShards(folder(), { maxRecords: 5 }), {
        onProgress: () => {
          throw new Error('enough')
        },
      })
    await assert.rejects(refusing, /enough/)
  })

  it('writes an empty result, and compressed shards', async () => {
    const empty = folder()
    const none = new PipelineBuilder().addSource([] as number[]).build()
    assert.deepEqual((await none.writeTo(jsonlShards(empty)))?.shards, [])
    const place = folder()
    const rows = new PipelineBuilder().addSource(range(300)).aggregate(7)
    const sink = jsonlShards<number[]>(place, {
      compress: 'gzip',
      rows: (batch) => batch.map((n) => ({ n, text: 'x'.repeat(20_000) })),
      maxBytes: 2_500_000,
    })
    const result = await rows.build().writeTo(sink)
    assert.equal(result?.count, 300)
    // 6 MB before compression, which `maxBytes` counts.
    assert.equal(result?.shards.length, 3)
    assert.ok((result?.shards.length ?? 0) >= 2)
    const found = result?.shards.flatMap(({ name }) =>
      String(gunzipSync(readFileSync(join(place, name))))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).n),
    )
    assert.deepEqual(found, range(300))
  })

  it('refuses options that break their rules, and damaged logs', async () => {
    const bad: object[] = [
      { maxBytes: 0 },
      { maxRecords: 1.5 },
      { name: 'shard' },
      { digest: 'sha3' },
      { compress: 'brotli' },
      { rows: [] },
      { shards: 3 },
    ]
    for (const options of bad)
      assert.throws(() => jsonlShards('x', options), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => jsonlShards(7 as never), { code: 'ERR_BAD_OPTION' })
    for (const name of [() => 'one', (n: number) => `../${n}`, (n: number) => `_spindle/${n}`])
      await assert.rejects(twice(2).build().writeTo(jsonlShards(folder(), { name })), {
        code: 'ERR_BAD_OPTION',
      })
    const place = folder()
    await twice(9)
      .build()
      .writeTo(jsonlShards(place, { maxRecords: 2 }))
    const log = join(place, '_spindle')
    for (const text of ['', '[]', '{"version":9}', '{"version":1,"shards":[{}]}']) {
      writeFileSync(join(log, 'commit-00000001.json'), text)
      await assert.rejects(twice(9).build().writeTo(jsonlShards(place), { resume: true }), {
        code: 'ERR_BAD_CHECKPOINT',
        message: /commit-00000001/,
      })
    }
  })
})
