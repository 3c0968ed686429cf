// One cell: results of some size from a worker (or a child) to the main thread in one way, in a
// process of its own.
//   node memory-cell.mjs <way> <bytes> <count>
// The worker's op "makes" a result: from an existing buffer if it is copied, or by touching each
// page if it is made in place. The receiver touches each page too. The transfer is measured, not
// the making.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { RingBuffer, SegmentPool } from 'spindle'
import { tsImport } from 'tsx/esm/api'

const inner = (file) =>
  tsImport(`../../packages/spindle/src/workers/memory/${file}`, import.meta.url)
const { CallMemory, takeLeases } = await inner('call-memory.ts')
const { SharedFile } = await inner('shared-file.ts')

const PAGE = 4096
const isChild = process.send !== undefined
const file = fileURLToPath(import.meta.url)

/** Touches each page; what it finds has to be used. */
function touch(bytes) {
  let sum = 0
  for (let at = 0; at < bytes.length; at += PAGE) sum += bytes[at]
  return sum
}

function make(bytes) {
  for (let at = 0; at < bytes.length; at += PAGE) bytes[at] = 1
}

if (isChild) runChild()
else if (isMainThread)
  await runMain(process.argv[2], Number(process.argv[3]), Number(process.argv[4]))
else runWorker()

async function runMain(way, bytes, count) {
  const inFlight = bytes > 2 ** 20 ? 3 : 4
  const warmUp = Math.ceil(count / 5)
  const run = way.startsWith('process') ? overProcess : way.startsWith('ring') ? overRing : overPort
  const { take, close, childCpuUs = () => 0 } = run(way, bytes, inFlight)
  let sum = await take(warmUp)
  const cpu = process.cpuUsage()
  const childUs = await childCpuUs()
  const startedAt = performance.now()
  sum += await take(count)
  const us = ((performance.now() - startedAt) * 1000) / count
  const { user, system } = process.cpuUsage(cpu)
  const cpuUs = (user + system + (await childCpuUs()) - childUs) / count
  const rssMb = process.memoryUsage.rss() / 2 ** 20
  close()
  if (sum !== Math.ceil(bytes / PAGE) * (warmUp + count))
    throw new Error(`lost something on the way: ${sum}`)
  console.log(JSON.stringify({ us, cpuUs, rssMb }))
}

function overPort(way, bytes, inFlight) {
  const pool = new SegmentPool({ segmentBytes: 2 ** 24, maxBytes: 2 ** 26 })
  const worker = new Worker(file, { workerData: { way, bytes, pool: pool.handle } })
  const take = (count) =>
    new Promise((resolve) => {
      let sum = 0
      let asked = 0
      let got = 0
      const ask = () => {
        if (asked++ < count) worker.postMessage(0)
      }
      worker.removeAllListeners('message')
      worker.on('message', (message) => {
        let { result, descriptor, leases } = message
        if (leases !== undefined) takeLeases(pool, leases)
        const lease = descriptor === undefined ? undefined : pool.open(descriptor)
        result ??= lease.bytes
        sum += touch(result)
        ;(lease ?? SegmentPool.leaseOf(result))?.release()
        ask()
        if (++got === count) resolve(sum)
      })
      for (let i = 0; i < inFlight; i++) ask()
    })
  return { take, close: () => worker.terminate() }
}

function overRing(way, bytes, inFlight) {
  const ring = new RingBuffer({ capacityBytes: Math.max(2 * (bytes + 8), inFlight * bytes) })
  const worker = new Worker(file, { workerData: { way, bytes, ring: ring.handle } })
  const take = async (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      sum += touch(
        way.includes('async') ? (ring.tryPeek() ?? (await ring.peek())) : ring.peekSync(),
      )
      ring.release()
    }
    return sum
  }
  return { take, close: () => worker.terminate() }
}

function overProcess(way, bytes, inFlight) {
  const pool = new SegmentPool()
  const slots = SharedFile.create({ slotBytes: 2 ** 18, count: 256 })
  const child = fork(file, [way, bytes], {
    serialization: way === 'process IPC advanced' ? 'advanced' : 'json',
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', slots.fd],
  })
  child.send(slots.handleFor(4))
  const take = (count) =>
    new Promise((resolve) => {
      let sum = 0
      let asked = 0
      let got = 0
      const ask = (free) => {
        if (asked++ < count) child.send({ free })
      }
      child.removeAllListeners('message')
      child.on('message', ({ ticket, result }) => {
        const lease = way === 'process file slots reused' ? pool.allocate(bytes) : undefined
        sum += touch(result ?? slots.read(ticket, lease?.bytes))
        lease?.release()
        ask(ticket)
        if (++got === count) resolve(sum)
      })
      for (let i = 0; i < inFlight; i++) ask()
    })
  const childCpuUs = () =>
    new Promise((resolve) => {
      child.removeAllListeners('message').once('message', ({ cpuUs }) => resolve(cpuUs))
      child.send({ asksCpu: true })
    })
  return { take, childCpuUs, close: () => child.kill('SIGKILL') }
}

function runWorker() {
  const { way, bytes } = workerData
  const source = new Uint8Array(bytes).fill(1)
  if (way.startsWith('ring')) {
    const ring = RingBuffer.attach(workerData.ring)
    for (;;) {
      if (way.includes('in place')) {
        make(ring.reserveSync(bytes))
        ring.commit()
      } else ring.writeSync(source)
    }
  }
  const pool = SegmentPool.attach(workerData.pool)
  const ways = {
    clone: () => parentPort.postMessage({ result: source }),
    transfer: () => {
      const result = source.slice()
      parentPort.postMessage({ result }, [result.buffer])
    },
    'segments copied': () => {
      const lease = pool.acquireSync(bytes)
      lease.bytes.set(source)
      parentPort.postMessage({ descriptor: lease.toDescriptor() })
    },
    'segments in place': () => {
      const lease = pool.acquireSync(bytes)
      make(lease.bytes)
      parentPort.postMessage({ descriptor: lease.toDescriptor() })
    },
    'context.alloc in place': () => {
      const memory = new CallMemory(pool)
      const result = memory.alloc(bytes)
      make(result)
      parentPort.postMessage({ result, leases: memory.handOver(result) })
    },
  }
  parentPort.on('message', ways[way])
}

function runChild() {
  const [way, bytes] = [process.argv[2], Number(process.argv[3])]
  const source = new Uint8Array(bytes).fill(1)
  let slots
  process.on('disconnect', () => process.exit(0))
  process.on('message', (message) => {
    if (message.fd !== undefined) {
      slots = SharedFile.attach(message)
      return
    }
    if (message.asksCpu) {
      const { user, system } = process.cpuUsage()
      process.send({ cpuUs: user + system })
      return
    }
    if (message.free !== undefined) slots.free(message.free)
    process.send(
      way === 'process IPC advanced' ? { result: source } : { ticket: slots.write(source) },
    )
  })
}
