import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { loadImage } from '../../src/index.ts'
import { BACKENDS, PHOTOS, photo, psnr } from '../support.ts'

const path = `${PHOTOS}cat-small.jpg`
const bytes = photo('cat-small.jpg')
const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
const shared = new SharedArrayBuffer(bytes.length)
new Uint8Array(shared).set(bytes)
const padded = new Uint8Array(bytes.length + 9)
padded.set(bytes, 5)

describe('sources', () => {
  const sources = {
    path,
    'file: URL': pathToFileURL(path),
    'data: URL': new URL(`data:image/jpeg;base64,${bytes.toString('base64')}`),
    Buffer: bytes,
    'Uint8Array within a buffer': padded.subarray(5, 5 + bytes.length),
    ArrayBuffer: memory,
    SharedArrayBuffer: shared,
    'Uint8Array of shared memory': new Uint8Array(shared),
    Blob: new Blob([bytes]),
  }
  for (const backend of BACKENDS) {
    for (const [name, source] of Object.entries(sources)) {
      it(`${backend}: ${name}`, async () => {
        const image = await loadImage(source, { backend })
        assert.equal(psnr(image.data, (await loadImage(bytes, { backend })).data), Infinity)
      })
    }
  }

  it('http: URL, and what a server may answer', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/cat.jpg') response.end(bytes)
      else if (request.url === '/cut.jpg')
        response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 99))
      else response.writeHead(404).end('no such cat')
      if (request.url === '/cut.jpg') response.destroy()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      assert.deepEqual((await loadImage(new URL(`${base}/cat.jpg`))).shape, [120, 160, 3])
      await assert.rejects(loadImage(new URL(`${base}/dog.jpg`)), {
        code: 'ERR_READ',
        message: `${base}/dog.jpg: the server answered 404 Not Found`,
      })
      await assert.rejects(loadImage(new URL(`${base}/cut.jpg`)), {
        code: 'ERR_READ',
        source: `${base}/cut.jpg`,
      })
    } finally {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
    await assert.rejects(loadImage(new URL(`${base}/cat.jpg`)), {
      code: 'ERR_READ',
      message: /fetch failed: ./,
    })
  })

  it('names a file that cannot be read', async () => {
    const missing = `${PHOTOS}no-such-file.jpg`
    const rejection = {
      code: 'ERR_READ',
      source: missing,
      message: new RegExp(`^${missing}: ENOENT`),
    }
    await assert.rejects(loadImage(missing), rejection)
    await assert.rejects(loadImage(PHOTOS), { code: 'ERR_READ', message: /EISDIR/ })
  })

  it('says how to give a URL where a string looks like one', async () => {
    await assert.rejects(loadImage('https://example.org/cat.jpg'), {
      code: 'ERR_READ',
      message: /pass a URL as `new URL/,
    })
    await assert.rejects(loadImage(new URL('ftp://example.org/cat.jpg')), {
      code: 'ERR_READ',
      message: /ftp:/,
    })
  })

  it('rejects with the reason of its signal, before and during', async () => {
    const reason = { why: 'not needed any more' }
    const isReason = (error: unknown): boolean => error === reason
    await assert.rejects(loadImage(path, { signal: AbortSignal.abort(reason) }), isReason)
    for (const backend of BACKENDS) {
      const controller = new AbortController()
      const loads = Array.from({ length: 40 }, () =>
        loadImage(photo('stream-large.jpg'), { signal: controller.signal, backend }),
      )
      const first = Promise.any(loads)
      await first
      controller.abort(reason)
      const outcomes = await Promise.allSettled(loads)
      const rejected = outcomes.filter((outcome) => outcome.status === 'rejected')
      assert.ok(rejected.length > 0 && rejected.length < 40, `${rejected.length}`)
      assert.ok(rejected.every((outcome) => outcome.reason === reason))
    }
    assert.deepEqual(
      (await loadImage(path)).shape,
      [120, 160, 3],
      'the places of those that left are free again',
    )
  })
})
