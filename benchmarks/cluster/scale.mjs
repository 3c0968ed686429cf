// What a ledger costs at scale: workers take all shards of an epoch in this process, on entries in
// memory that count each request. Nothing works on the shards, so the figures are the ledger's.
//   node --expose-gc benchmarks/cluster/scale.mjs --workers 1000 --shards 1000000
// Expects `npm run build`. Prints requests per shard by kind, time and memory, as JSON.
import { parseArgs } from 'node:util'
import { epochId, MemoryEntries, StoreLedger } from '@spindle/cluster'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1000' },
    shards: { type: 'string', default: '1000000' },
  },
})
const [workers, shards] = [Number(values.workers), Number(values.shards)]
const requests = { createIfAbsent: 0, read: 0, version: 0, put: 0, list: 0, names: 0, delete: 0 }

/** Counts requests. A list is counted as pages of 1,000 names, as S3 has them. */
class Counted extends MemoryEntries {
  createIfAbsent(...args) {
    requests.createIfAbsent++
    return super.createIfAbsent(...args)
  }
  read(...args) {
    requests.read++
    return super.read(...args)
  }
  version(...args) {
    requests.version++
    return super.version(...args)
  }
  put(...args) {
    requests.put++
    return super.put(...args)
  }
  delete(...args) {
    requests.delete++
    return super.delete(...args)
  }
  async *list(prefix) {
    requests.list++
    let names = 0
    for await (const name of super.list(prefix)) {
      if (++names % 1000 === 0) requests.list++
      yield name
    }
    requests.names += names
  }
}

function* specs() {
  for (let at = 0; at < shards; at++) yield { name: `s3://bucket/in/shard-${at}.tar`, bytes: 1e8 }
}

const entries = new Counted()
const { id } = await epochId({}, specs())
const plan = { id, job: 'scale', shardCount: shards, leaseMs: 30_000, maxLosses: 5, shards: specs }
let beganMs = performance.now()
const seconds = () => Number(((performance.now() - beganMs) / 1000).toFixed(1))
const first = new StoreLedger(entries)
await first.open(plan)
const openSec = seconds()
const opening = { ...requests }
for (const kind of Object.keys(requests)) requests[kind] = 0

const fleet = Array.from({ length: workers }, (_, at) => ({
  ledger: new StoreLedger(entries),
  id: `worker-${at}`,
  shards: 0,
}))
globalThis.gc?.()
const heapBefore = process.memoryUsage().heapUsed
beganMs = performance.now()
let [done, heapAtHalf] = [0, 0]
const running = new Set(fleet)
// One step of each worker at a time, as if all shards took equally long.
while (running.size > 0)
  for (const worker of running) {
    const answer = await worker.ledger.lease(worker.id)
    if (answer.kind === 'complete') running.delete(worker)
    if (answer.kind !== 'lease') continue
    const { lease } = answer
    const outputs = [{ name: `${lease.key}/000001/shard-000000.npy`, count: 1000, bytes: 4e6 }]
    await worker.ledger.complete(lease, { cursor: 1000, outputs })
    worker.shards++
    if (++done === shards >> 1) {
      globalThis.gc?.()
      heapAtHalf = process.memoryUsage().heapUsed
    }
  }
const runSec = seconds()
beganMs = performance.now()
const status = await first.status()
const statusSec = seconds()
const { createIfAbsent, read, version, list, delete: deletes } = requests
const operations = createIfAbsent + read + version + list + deletes
const perShard = (count) => Number((count / shards).toFixed(3))
console.log(
  JSON.stringify(
    {
      node: process.version,
      workers,
      shards,
      isComplete: status.isComplete,
      shardsPerWorker: [
        Math.min(...fleet.map((worker) => worker.shards)),
        Math.max(...fleet.map((worker) => worker.shards)),
      ],
      open: { seconds: openSec, creates: opening.createIfAbsent },
      run: {
        seconds: runSec,
        operationsPerSec: Math.round(operations / runSec),
        microsecondsPerShard: Math.round((runSec * 1e6) / shards),
      },
      requestsPerShard: {
        creates: perShard(createIfAbsent),
        reads: perShard(read),
        heads: perShard(version),
        listPages: perShard(list),
        deletes: perShard(deletes),
      },
      // S3 prices per 1,000: PUT and LIST $0.005, GET and HEAD $0.0004, DELETE free.
      dollarsPerMillionShards: Number(
        (((createIfAbsent + list) * 5e-6 + (read + version) * 4e-7) * (1e6 / shards)).toFixed(2),
      ),
      status: { seconds: statusSec },
      // Of all workers and the entries together: results of done chunks are most of it.
      heapMbAtHalf: Math.round((heapAtHalf - heapBefore) / 1e6),
    },
    undefined,
    1,
  ),
)
