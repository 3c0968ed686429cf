import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { encodeImage, loadImage } from '@spindle/io'
import { vignette } from '../src/ops.js'
import { makeServer } from '../src/server.js'
import { startThumbnails } from '../src/service.js'

const thumbnails = startThumbnails()
const server = makeServer(thumbnails)
let url = ''

before(async () => {
  await once(server.listen(0), 'listening')
  url = `http://localhost:${(server.address() as AddressInfo).port}`
})
after(async () => {
  server.close()
  await thumbnails.pipeline.stop({ mode: 'drain' })
  server.closeAllConnections()
})

const post = (body: BodyInit): Promise<Response> =>
  fetch(`${url}/thumbnail`, { method: 'POST', body })

test('the op keeps the middle of a picture and darkens its corners', () => {
  const data = new Uint8Array(20 * 20 * 3).fill(200)
  const { data: dark } = vignette({ data, dtype: 'uint8', shape: [20, 20, 3] })
  assert.equal(dark[(10 * 20 + 10) * 3], 200)
  assert((dark[0] ?? 0) < 110)
})

test('a picture becomes a thumbnail', async () => {
  const data = new Uint8Array(240 * 320 * 3).map((_, at) => at % 251)
  const png = await encodeImage({ data, dtype: 'uint8', shape: [240, 320, 3] }, { format: 'png' })
  const response = await post(png as Uint8Array<ArrayBuffer>)
  assert.equal(response.status, 200)
  const image = await loadImage(new Uint8Array(await response.arrayBuffer()))
  assert.deepEqual(image.shape, [120, 160, 3])
})

test('what is no picture is refused, and the service goes on', async () => {
  const responses = await Promise.all([post('no picture'), post(new Uint8Array(100))])
  for (const { status } of responses) assert.equal(status, 422)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  assert.match(await (await fetch(`${url}/report`)).text(), /decode/)
})
