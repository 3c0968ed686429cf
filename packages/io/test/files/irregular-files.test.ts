import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  demux,
  fromParquet,
  fromWebDataset,
  iterateTar,
  iterateZip,
  loadAudio,
  loadImage,
  loadImageBatch,
  loadNpy,
  loadNpz,
  loadVideo,
  loadWav,
  probe,
  sampleVideo,
  streamTar,
  TarIndex,
  ZipFile,
} from '../../src/index.ts'
import * as sync from '../../src/sync.ts'

const first = async (items: AsyncIterable<unknown>): Promise<unknown> => {
  for await (const item of items) return item
  return undefined
}

type Loader = (source: string | URL) => unknown

const LOADERS: Record<string, Loader> = {
  loadImage: (source) => loadImage(source),
  'loadImage with sharp': (source) => loadImage(source, { backend: 'sharp' }),
  loadImageBatch: (source) => loadImageBatch([source], { width: 8, height: 8 }),
  loadAudio: (source) => loadAudio(source),
  loadVideo: (source) => loadVideo(source),
  sampleVideo: (source) => sampleVideo(source, { count: 1 }),
  loadWav: (source) => loadWav(source),
  loadNpy: (source) => loadNpy(source),
  loadNpz: (source) => loadNpz(source),
  probe: (source) => probe(source),
  demux: (source) => demux(source),
  'ZipFile.open': (source) => ZipFile.open(source),
  iterateZip: (source) => first(iterateZip(source)),
  'TarIndex.open': (source) => TarIndex.open(source),
  fromWebDataset: (source) => fromWebDataset(source),
  fromParquet: (source) => fromParquet(source),
  iterateTar: (source) => first(iterateTar(source)),
  streamTar: (source) => first(streamTar(source)),
}
const SYNC_LOADERS: Record<string, Loader> = {
  loadImage: (source) => sync.loadImageSync(source),
  loadAudio: (source) => sync.loadAudioSync(source),
  loadVideo: (source) => sync.loadVideoSync(source),
  loadWav: (source) => sync.loadWavSync(source),
  loadNpy: (source) => sync.loadNpySync(source),
  loadNpz: (source) => sync.loadNpzSync(source),
  probe: (source) => sync.probeSync(source),
  'ZipFileSync.open': (source) => sync.ZipFileSync.open(source),
  'TarIndexSync.open': (source) => sync.TarIndexSync.open(source),
  iterateTarSync: (source) => [...sync.iterateTarSync(source)],
}

const folder = mkdtempSync(join(tmpdir(), 'irregular-'))
const pipe = join(folder, 'pipe.png')
const hasPipe = spawnSync('mkfifo', [pipe]).status === 0
const socket = join(folder, 'socket.png')
const server = createServer()
const zero = join(folder, 'zero.png')
const link = join(folder, 'link.png')
const huge = join(folder, 'huge.png')

before(async () => {
  symlinkSync('/dev/zero', zero)
  symlinkSync(pipe, link)
  server.listen(socket)
  await once(server, 'listening')
  writeFileSync(huge, Buffer.from('89504e470d0a1a0a', 'hex'))
  truncateSync(huge, 2 ** 31)
})
after(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const refusal = { code: 'ERR_READ', message: /is not a regular file|EISDIR/ }

describe('what is no regular file is refused, and never waited for', () => {
  for (const [name, load] of Object.entries(LOADERS))
    it(`by ${name}`, async () => {
      const places = hasPipe ? [pipe, link, socket, zero, folder] : [socket, zero, folder]
      for (const place of places)
        for (const source of [place, pathToFileURL(place)])
          await assert.rejects(async () => load(source), refusal, String(source))
    })

  for (const [name, load] of Object.entries(SYNC_LOADERS))
    it(`by ${name} of @spindle/io/sync`, () => {
      for (const place of hasPipe ? [pipe, link, socket, zero, folder] : [socket, zero, folder])
        assert.throws(() => load(place), refusal, place)
    })

  it('as the index of an archive', async () => {
    const tar = join(folder, 'a.tar')
    writeFileSync(tar, Buffer.alloc(1024))
    await assert.rejects(TarIndex.open(tar, { indexFile: zero }), refusal)
    assert.throws(() => sync.TarIndexSync.open(tar, { indexFile: zero }), refusal)
  })
})

describe('files that cannot be read as a whole', () => {
  it('are told before they are read: 2 GiB and more', async () => {
    const message =
      /has 2147483648 bytes, and is read as a whole, which is possible for 2147483647 at most/
    const tooLarge = { code: 'ERR_TOO_LARGE', message }
    await assert.rejects(loadImage(huge), tooLarge)
    await assert.rejects(loadImage(huge, { backend: 'sharp' }), tooLarge)
    assert.throws(() => sync.loadImageSync(huge), tooLarge)
    await assert.rejects(probe(huge), tooLarge)
    assert.throws(() => sync.probeSync(huge), tooLarge)
  })

  it('are told by their names where these are not UTF-8', async () => {
    const name = Buffer.concat([
      Buffer.from(`${folder}/`),
      Buffer.from([0xe9]),
      Buffer.from('.npy'),
    ])
    try {
      writeFileSync(name, 'x')
    } catch {
      return // a system whose names are UTF-8
    }
    const listed = name.toString()
    await assert.rejects(loadNpy(listed), {
      code: 'ERR_READ',
      message: /A name that is not UTF-8 .* rename the file/,
    })
    await assert.rejects(loadImage(listed), {
      code: 'ERR_READ',
      message: /A name that is not UTF-8/,
    })
  })
})
