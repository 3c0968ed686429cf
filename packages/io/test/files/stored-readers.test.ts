import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  demux,
  encodeAudio,
  encodeNpy,
  encodeNpz,
  encodeSafetensors,
  encodeWav,
  fromParquet,
  fromWebDataset,
  iterateTar,
  iterateZip,
  loadAudio,
  loadImage,
  loadImageBatch,
  loadNpy,
  loadNpz,
  loadSafetensors,
  loadVideo,
  loadWav,
  probe,
  streamAudio,
  streamTar,
  TarIndex,
  type UrlOptions,
  ZipFile,
} from '@spindle/io'
import { fromJsonLines, fromManifest, fromTextLines, openStore } from 'spindle/source'
import { type Fault, S3Server } from '../../../spindle/test/support/s3-server.ts'
import { tarOf } from '../formats/tar-writer.ts'
import { zipOf } from '../formats/zip-writer.ts'

// Every reader that takes a URL: from a store by name and by URL, over a server that fails in every
// way that may pass, and while the object is replaced by another one.

type Options = Omit<UrlOptions, 'maxBytes'> & { readonly signal?: AbortSignal }
type Read = (source: never, options: Options) => Promise<unknown>

const all = async (items: AsyncIterable<unknown>): Promise<unknown[]> => {
  const found: unknown[] = []
  for await (const item of items) found.push(item)
  return found
}
const hash = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')

/** Bytes that no compression makes small. */
function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0, state = seed; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
const array = (seed: number) =>
  ({ data: noise(40_000, seed), dtype: 'uint8', shape: [200, 200] }) as const
const tone = (seed: number) => ({
  data: Int16Array.from(noise(40_000, seed)),
  dtype: 'int16' as const,
  shape: [1, 40_000],
})
const rows = (seed: number) =>
  Array.from({ length: 2000 }, (_, n) => JSON.stringify({ n, seed, text: 'x'.repeat(n % 50) }))
const members = (seed: number) =>
  Array.from({ length: 8 }, (_, n) => ({
    path: `${n}.bin`,
    name: `${n}.bin`,
    body: noise(9000, seed + n),
    data: noise(9000, seed + n),
  }))

/** What each reader reads: two versions of the same size, or nearly. */
const files: Record<string, (seed: number) => Promise<Uint8Array> | Uint8Array> = {
  'a.npy': (seed) => encodeNpy(array(seed)),
  'a.npz': (seed) => encodeNpz({ x: array(seed) }),
  'a.safetensors': (seed) => encodeSafetensors({ x: array(seed) }),
  'a.tar': (seed) => tarOf(members(seed)),
  'a.tar.gz': (seed) => gzipSync(tarOf(members(seed))),
  'a.zip': (seed) => zipOf(members(seed)),
  'a.wav': (seed) => encodeWav(tone(seed), { sampleRate: 8000, layout: 'CT' }),
  'a.flac': (seed) => encodeAudio(tone(seed), { sampleRate: 8000, format: 'flac' }),
  'a.jsonl': (seed) => Buffer.from(rows(seed).join('\n')),
  'a.jsonl.gz': (seed) => gzipSync(rows(seed).join('\n')),
  'a.mp4': (seed) =>
    readFileSync(`packages/io/test/truth/files/media/${seed === 1 ? 'w' : 'open'}.mp4`),
  'a.parquet': () => readFileSync('packages/io/test/parquet/snappy.parquet'),
  'a.png': (seed) => readFileSync(`examples/photos/cat-${seed === 1 ? '1.png' : 'small.jpg'}`),
}

const small = { width: 32, height: 32 }
const readers: readonly (readonly [name: string, file: string, read: Read])[] = [
  ['loadNpy', 'a.npy', async (at, options) => (await loadNpy(at, options)).data],
  ['loadNpz', 'a.npz', async (at, options) => (await (await loadNpz(at, options)).get('x')).data],
  [
    'loadSafetensors',
    'a.safetensors',
    async (at, options) => (await loadSafetensors(at, options)).tensors.x?.data,
  ],
  ['loadWav', 'a.wav', async (at, options) => (await loadWav(at, options)).data],
  ['loadAudio', 'a.flac', async (at, options) => (await loadAudio(at, options)).data],
  [
    'streamAudio',
    'a.flac',
    async (at, options) => (await all(streamAudio(at, options))).map((chunk) => hashOf(chunk)),
  ],
  [
    'loadImage',
    'a.png',
    async (at, options) => (await loadImage(at, { ...small, ...options })).data,
  ],
  [
    'loadImage with sharp',
    'a.png',
    async (at, options) => (await loadImage(at, { ...small, backend: 'sharp', ...options })).data,
  ],
  [
    'loadImageBatch',
    'a.png',
    async (at, options) => (await loadImageBatch([at], { ...small, ...options })).data,
  ],
  ['probe', 'a.png', (at, options) => probe(at, options)],
  ['demux', 'a.mp4', async (at, options) => (await demux(at, options)).length],
  ['loadVideo', 'a.mp4', async (at, options) => (await loadVideo(at, options)).data],
  ['iterateTar', 'a.tar', (at, options) => all(iterateTar(at, options))],
  ['iterateTar, compressed', 'a.tar.gz', (at, options) => all(iterateTar(at, options))],
  [
    'iterateTar, read ahead',
    'a.tar',
    (at, options) => all(iterateTar(at, { readAheadBytes: 1e6, ...options })),
  ],
  [
    'streamTar',
    'a.tar',
    async (at, options) => {
      const found: string[] = []
      for await (const { path, pieces } of streamTar(at, options))
        found.push(path, hash(Buffer.concat((await all(pieces)) as Uint8Array[])))
      return found
    },
  ],
  [
    'TarIndex',
    'a.tar',
    async (at, options) => {
      await using index = await TarIndex.open(at, { indexFile: false, ...options })
      return await index.readMany(index.paths())
    },
  ],
  [
    'ZipFile',
    'a.zip',
    async (at, options) => {
      await using zip = await ZipFile.open(at, options)
      return await zip.readMany(zip.paths())
    },
  ],
  ['fromParquet', 'a.parquet', async (at, options) => all(await fromParquet(at, options))],
  ['iterateZip', 'a.zip', (at, options) => all(iterateZip(at, options))],
  ['fromWebDataset', 'a.tar', async (at, options) => all(await fromWebDataset(at, options))],
  [
    'fromWebDataset by index',
    'a.tar',
    async (at, options) => all(await fromWebDataset(at, { index: false, ...options })),
  ],
  ['fromJsonLines', 'a.jsonl', async (at, options) => all(await fromJsonLines(at, options))],
  ['fromTextLines', 'a.jsonl.gz', async (at, options) => all(await fromTextLines(at, options))],
  ['fromManifest', 'a.jsonl', async (at, options) => all(await fromManifest(at, options))],
  [
    'fromManifest, compressed',
    'a.jsonl.gz',
    async (at, options) => all(await fromManifest(at, options)),
  ],
]
function hashOf(chunk: unknown): string {
  const { data } = chunk as { readonly data: Float32Array }
  return hash(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

const home = mkdtempSync(join(tmpdir(), 'readers-'))
const versions: Record<string, readonly [Uint8Array, Uint8Array]> = {}
before(async () => {
  for (const [name, make] of Object.entries(files)) {
    versions[name] = [await make(1), await make(2)]
    for (const [at, bytes] of versions[name].entries())
      writeFileSync(join(home, `${at}-${name}`), bytes)
  }
})
after(() => rmSync(home, { recursive: true, force: true }))

/** Fails in another way each time, until all of them were seen by a reader. */
function failing(): () => Fault {
  const faults: Fault[] = [
    'drop',
    { status: 503, retryAfter: '0' },
    { cutAfter: 3000 },
    { cutAfter: 1 },
    undefined,
    { cutAfter: 20_000 },
    { status: 429, retryAfter: '0' },
  ]
  let at = 0
  return () => (at < faults.length ? faults[at++] : undefined)
}

// Most of the time they wait before they try again.
describe('readers', { concurrency: 6 }, () => {
  for (const [name, file, read] of readers)
    describe(name, { concurrency: 1 }, () => {
      const server = new S3Server()
      let endpoint = ''
      before(async () => {
        endpoint = await server.listen()
      })
      after(() => server[Symbol.asyncDispose]())
      beforeEach(() => {
        server.fault = () => undefined
      })

      const local = (version: number) => read(join(home, `${version}-${file}`) as never, {})
      const put = (version: number, as = file) =>
        server.put(
          as,
          Buffer.from((versions[file] as readonly Uint8Array[])[version] as Uint8Array),
        )
      const url = () => new URL(`${endpoint}/bucket/${file}`)

      it('reads a store by name and by URL, over broken connections', async () => {
        put(0)
        const expected = await local(0)
        const store = openStore('s3://bucket', { endpoint })
        const places: [unknown, Options][] = [
          [file, { store }],
          [new URL(`s3://bucket/${file}`), { store: { endpoint } }],
          [url(), {}],
        ]
        await Promise.all(
          places.map(async ([place, options], at) => {
            assert.deepEqual(await read(place as never, options), expected, `place ${at}`)
          }),
        )
        server.fault = failing()
        assert.deepEqual(await read(file as never, { store }), expected)
        assert.deepEqual(await read(`0-${file}` as never, { store: openStore(home) }), expected)
      })

      it('gives one version of an object that is replaced, or fails', async () => {
        put(0)
        const [first, second] = [await local(0), await local(1)]
        let requests = 0
        server.fault = () => {
          if (++requests === 3) put(1)
          return requests === 2 ? { cutAfter: 5000 } : undefined
        }
        const found = await read(url() as never, {}).catch((error) => error)
        if (found instanceof Error)
          assert.match(
            String((found as { code?: string }).code),
            /^ERR_(READ|HTTP|BAD_SOURCE|DECODE|BAD_RECORD)$/,
          )
        else
          assert.ok(
            [first, second].some((one) => {
              try {
                assert.deepEqual(found, one)
                return true
              } catch {
                return false
              }
            }),
            'it is of two versions',
          )
      })

      it('takes `headers`, `fetch` and `signal`', async () => {
        put(0)
        const seen: (string | null)[] = []
        const options: Options = {
          headers: { 'x-asked': 'yes' },
          fetch: (input, init) => {
            seen.push(new Headers(init?.headers).get('x-asked'))
            return fetch(input, init)
          },
        }
        assert.deepEqual(await read(url() as never, options), await local(0))
        assert.ok(seen.length > 0 && seen.every((value) => value === 'yes'), String(seen))
        const reason = new Error('enough')
        const hanging: Options['fetch'] = (_, init) =>
          new Promise((_resolve, reject) => {
            const { signal } = init as RequestInit
            signal?.addEventListener('abort', () => reject(signal.reason))
          })
        const abort = new AbortController()
        const reading = read(url() as never, { fetch: hanging, signal: abort.signal })
        setImmediate(() => abort.abort(reason))
        await assert.rejects(reading, (error) => error === reason)
      })
    })
})
