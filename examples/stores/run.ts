// Runs the job against a server with S3's interface in this process, and reads what it wrote.
//   node --import=tsx examples/stores/run.ts
import { readdirSync, readFileSync } from 'node:fs'
import { loadNpy } from '@spindle/io'
import { openStore } from 'spindle/source'
// The server of the tests: it keeps objects in memory.
import { S3Server } from '../../packages/spindle/test/support/s3-server.ts'
import { pipeline, sink } from './job.ts'

const photos = new URL('../photos/', import.meta.url)
await using server = new S3Server()
process.env.AWS_ENDPOINT_URL = await server.listen()
for (const name of readdirSync(photos).filter((file) => /\.(jpg|png)$/.test(file)))
  server.put(name, readFileSync(new URL(name, photos)))

const places = ['s3://bucket', 's3://bucket/pixels']
const result = await (await pipeline(places)).build().writeTo(sink(places), {
  resume: true,
  onProgress: ({ records, shards, bytes }) =>
    console.log(`${records} photos, ${shards} shards, ${bytes} bytes`),
})

const store = openStore('s3://bucket/pixels')
for (const { name, count } of result?.shards ?? []) {
  const { dtype, shape } = await loadNpy(name, { store })
  console.log(`${name}: ${count} photos, ${dtype} [${shape}]`)
}
