// Pipelines whose limit is known. Each has
//   params   the numbers it starts with; `change` of the verdict is followed by replacing one of them
//   make     (params, cleanup) -> a pipeline, or { pipeline, consume, consumers }
//   kind     what the verdict must say: a kind or several, or (machine) -> such
//   warmMs   how long it runs before its rate counts, in milliseconds; default 500
//   stage    the stage it must name, if there is only one right answer
//   follow   what the advice amounts to, where it is not a number: params
//   instead  what one might try although the verdict promises nothing: it must not bring much
//   isShort  the run ends before there is a verdict
//   isWhole  the run ends; its rate is that of all of it
//   option   how an option of the verdict is called in the params: { 'stage.option': 'param' }; default: the option itself

import { pbkdf2 } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { promisify } from 'node:util'
import { loadImage } from '@spindle/io'
import {
  MAIN,
  PipelineBuilder,
  ProcessPool,
  runPipelineInProcess,
  runPipelineInWorker,
  ThreadPool,
  workerModule,
  workers,
} from 'spindle'
import { compute, compute4, ROUNDS } from './ops.mjs'
import {
  get,
  getPatiently,
  numbers,
  pause,
  semaphore,
  sharedSemaphore,
  slowFiles,
} from './parts.mjs'

const CORES = cpus().length
const ops = workerModule(new URL('./ops.mjs', import.meta.url).href)
const REMOTE = new URL('./remote.mjs', import.meta.url).href
const PHOTOS = new URL('../../examples/photos/', import.meta.url)
const from = (source = numbers) => new PipelineBuilder().addSource(source)

function* photos() {
  const names = readdirSync(PHOTOS).filter((name) => name.endsWith('.jpg'))
  for (let i = 0; ; i++) yield new URL(names[i % names.length], PHOTOS).pathname
}

const decode = (path) => loadImage(path, { width: 224, height: 224 })
const derive = promisify(pbkdf2)
/** Computes in libuv's threads, as zlib, crypto and sharp do. */
const computeNative = async (item) => {
  await derive('verdict', 'salt', 4 * ROUNDS, 32, 'sha256')
  return item
}

async function resizeBySharp(path) {
  const { default: sharp } = await import('sharp')
  return sharp(path).resize(224, 224).raw().toBuffer()
}

async function encodeBySharp({ data, shape: [height, width] }) {
  const { default: sharp } = await import('sharp')
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer()
}

/** A pool, closed with the cell. */
function pooled(Pool, size, cleanup) {
  const pool = new Pool({ size })
  cleanup.push(() => pool.close())
  return pool
}

export const cases = {
  // --- the CPU
  'images through @spindle/io, c=16': {
    params: { concurrency: 16 },
    make: ({ concurrency }) => from(photos).pipe(decode, { name: 'load', concurrency }).build(),
    kind: 'cpu',
    stage: 'load',
    instead: { concurrency: 64 },
  },
  'sharp, c=16': {
    params: { concurrency: 16 },
    make: ({ concurrency }) =>
      from(photos).pipe(resizeBySharp, { name: 'resize', concurrency }).build(),
    kind: CORES <= 4 ? 'cpu' : ['inner', 'executor', 'stage'],
    stage: 'resize',
    instead: { concurrency: 64 },
  },
  'a native call that computes, c=1': {
    params: { concurrency: 1 },
    make: ({ concurrency }) => from().pipe(computeNative, { name: 'hash', concurrency }).build(),
    kind: 'stage',
    busyKind: ['stage', 'cpu'],
    stage: 'hash',
  },
  'a pool with a thread for each core, as many calls': {
    params: { concurrency: CORES, workers: CORES },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.compute4, {
          name: 'decode',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'cpu',
    stage: 'decode',
    instead: { concurrency: 4 * CORES, workers: CORES },
  },
  'a pool with a thread for each core, more calls': {
    params: { concurrency: 4 * CORES, workers: CORES },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.compute4, {
          name: 'decode',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'cpu',
    stage: 'decode',
    instead: { concurrency: 4 * CORES, workers: 2 * CORES },
  },
  'two pools with a thread for each core': {
    params: { concurrency: CORES, a: CORES, b: CORES },
    option: { 'a.workers': 'a', 'b.workers': 'b' },
    make: ({ concurrency, a, b }, cleanup) =>
      from()
        .pipe(ops.compute4, { name: 'a', concurrency, executor: pooled(ThreadPool, a, cleanup) })
        .pipe(ops.computeAgain, {
          name: 'b',
          concurrency,
          executor: pooled(ThreadPool, b, cleanup),
        })
        .build(),
    kind: 'cpu',
  },
  'decode by @spindle/io, encode by sharp': {
    params: { decoders: 8, encoders: 4 },
    make: ({ decoders, encoders }) =>
      from(photos)
        .pipe(decode, { name: 'load', concurrency: decoders })
        .pipe(encodeBySharp, { name: 'encode', concurrency: encoders })
        .build(),
    kind: 'cpu',
    instead: { decoders: 15, encoders: 4 },
  },
  // --- executors
  'a pool of one thread that computes': {
    params: { concurrency: 4, workers: 1 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.compute4, {
          name: 'decode',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'executor',
    busyKind: ['executor', 'cpu'],
    stage: 'decode',
  },
  'a pool of two threads that wait, two calls': {
    params: { concurrency: 2, workers: 2 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.wait10, {
          name: 'look up',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'executor',
    stage: 'look up',
  },
  'a pool of two threads that wait, eight calls': {
    params: { concurrency: 8, workers: 2 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.wait10, {
          name: 'look up',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'executor',
    stage: 'look up',
  },
  'a pool of eight threads that wait, two calls': {
    params: { concurrency: 2, workers: 8 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.wait10, {
          name: 'look up',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'stage',
    stage: 'look up',
  },
  'a pool of two processes that wait': {
    warmMs: 2500,
    params: { concurrency: 4, workers: 2 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.wait10, {
          name: 'look up',
          concurrency,
          executor: pooled(ProcessPool, size, cleanup),
        })
        .build(),
    kind: 'executor',
    stage: 'look up',
  },
  'a pool with a process for each core': {
    warmMs: 2500,
    params: { concurrency: 2 * CORES, workers: CORES },
    make: ({ concurrency, workers: size }, cleanup) =>
      from()
        .pipe(ops.compute4, {
          name: 'decode',
          concurrency,
          executor: pooled(ProcessPool, size, cleanup),
        })
        .build(),
    kind: 'cpu',
    stage: 'decode',
    instead: { concurrency: 4 * CORES, workers: 2 * CORES },
  },
  'a region of one thread that computes': {
    params: { workers: 1 },
    make: ({ workers: count }) =>
      from().to(workers({ count })).pipe(ops.compute4, { name: 'decode' }).to(MAIN).build(),
    kind: 'executor',
    busyKind: ['executor', 'cpu'],
    stage: 'decode',
  },
  'a region of two processes that wait': {
    warmMs: 2500,
    params: { workers: 2 },
    make: ({ workers: count }) =>
      from()
        .to(workers({ count, kind: 'process' }))
        .pipe(ops.wait10, { name: 'look up' })
        .to(MAIN)
        .build(),
    kind: 'executor',
    stage: 'look up',
  },
  'a region of a thread for each core': {
    params: { workers: CORES },
    make: ({ workers: count }) =>
      from().to(workers({ count })).pipe(ops.compute4, { name: 'decode' }).to(MAIN).build(),
    kind: 'cpu',
    stage: 'decode',
    instead: { workers: 2 * CORES },
  },
  // --- calls that wait
  'requests of 20 ms, c=4': {
    params: { concurrency: 4 },
    make: ({ concurrency }) =>
      from()
        .pipe(() => get('/20'), { name: 'fetch', concurrency })
        .build(),
    kind: 'stage',
    stage: 'fetch',
  },
  'a semaphore of 4 in the op, c=4': {
    params: { concurrency: 4 },
    make: ({ concurrency }) => {
      const limited = semaphore(4)
      return from()
        .pipe((item) => limited(() => pause(10, item)), { name: 'query', concurrency })
        .build()
    },
    kind: 'stage',
    stage: 'query',
    // With four calls at a time nothing tells it from a server that has room for more; after the
    // change it must be seen.
    isUnknowable: true,
    kindAfter: 'inner',
  },
  'a semaphore of 4 in the op, c=16': {
    params: { concurrency: 16 },
    make: ({ concurrency }) => {
      const limited = semaphore(4)
      return from()
        .pipe((item) => limited(() => pause(10, item)), { name: 'query', concurrency })
        .build()
    },
    kind: 'inner',
    stage: 'query',
  },
  'a sink that returns nothing': {
    params: { concurrency: 2 },
    make: ({ concurrency }) =>
      from()
        .pipe(async () => void (await pause(10)), { name: 'upload', concurrency })
        .build(),
    kind: 'stage',
    stage: 'upload',
  },
  'a semaphore of 4 in a sink that returns nothing, c=16': {
    params: { concurrency: 16 },
    make: ({ concurrency }) => {
      const limited = semaphore(4)
      return from()
        .pipe(async () => void (await limited(() => pause(10))), { name: 'upload', concurrency })
        .build()
    },
    kind: 'inner',
    stage: 'upload',
    instead: { concurrency: 64 },
  },
  'two stages that share a semaphore of 4': {
    params: { first: 8, second: 8 },
    option: { 'first.concurrency': 'first', 'second.concurrency': 'second' },
    make: ({ first, second }) => {
      const limited = semaphore(4)
      return from()
        .pipe((item) => limited(() => pause(10, item)), { name: 'first', concurrency: first })
        .pipe((item) => limited(() => pause(10, item)), { name: 'second', concurrency: second })
        .build()
    },
    kind: 'inner',
    instead: { first: 32, second: 32 },
  },
  'a pool of 16 threads whose ops share a semaphore of 4': {
    warmMs: 1500,
    params: { concurrency: 16, workers: 16 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from(() => sharedSemaphore(4))
        .pipe(ops.wait10Limited, {
          name: 'query',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'inner',
    stage: 'query',
    instead: { concurrency: 32, workers: 32 },
  },
  'the same pool, more calls than threads': {
    warmMs: 1500,
    params: { concurrency: 32, workers: 16 },
    make: ({ concurrency, workers: size }, cleanup) =>
      from(() => sharedSemaphore(4))
        .pipe(ops.wait10Limited, {
          name: 'query',
          concurrency,
          executor: pooled(ThreadPool, size, cleanup),
        })
        .build(),
    kind: 'inner',
    stage: 'query',
    instead: { concurrency: 64, workers: 32 },
  },
  'calls of which some run into their time limit': {
    params: { concurrency: 4 },
    make: ({ concurrency }) =>
      from()
        .pipe((item) => pause(item % 10 === 0 ? 1000 : 10, item), {
          name: 'fetch',
          concurrency,
          timeoutMs: 100,
          maxFailures: Number.POSITIVE_INFINITY,
        })
        .build(),
    kind: 'stage',
    stage: 'fetch',
  },
  'a full server, where calls run into their time limit and are tried again': {
    params: { concurrency: 64 },
    make: ({ concurrency }) =>
      from()
        .pipe((_, { signal }) => get('/20?queue=4', signal), {
          name: 'fetch',
          concurrency,
          timeoutMs: 250,
          retry: { retries: 100, minDelayMs: 10, maxDelayMs: 50 },
        })
        .build(),
    kind: ['rateLimited', 'inner'],
    stage: 'fetch',
    instead: { concurrency: 128 },
  },
  'a full server, where calls run into their time limit': {
    params: { concurrency: 64 },
    make: ({ concurrency }) =>
      from()
        .pipe((_, { signal }) => get('/20?queue=4', signal), {
          name: 'fetch',
          concurrency,
          timeoutMs: 250,
          maxFailures: Number.POSITIVE_INFINITY,
        })
        .build(),
    kind: ['rateLimited', 'inner'],
    stage: 'fetch',
    instead: { concurrency: 128 },
  },
  'calls that sleep after a refusal': {
    params: { concurrency: 16 },
    make: ({ concurrency }) =>
      from()
        .pipe(() => getPatiently('/20?limit=4'), { name: 'fetch', concurrency })
        .build(),
    kind: ['inner', 'rateLimited', 'stage'],
    stage: 'fetch',
    // The first calls, which show what fewer calls at a time take, also load code and connect.
    isUnknowable: true,
    instead: { concurrency: 64 },
  },
  'a router that waits': {
    params: { ahead: 0 },
    make: ({ ahead }) => {
      const look = (item) => pause(5, item % 2)
      const paths = [
        (path) => path.pipe((item) => pause(1, item), { name: 'odd', concurrency: 8 }),
        (path) => path.pipe((item) => pause(1, item), { name: 'even', concurrency: 8 }),
      ]
      if (ahead === 0) return from().pathVariants(look, paths).build()
      return from()
        .pipe(async (item) => ({ item, path: await look(item) }), { concurrency: ahead })
        .pathVariants(({ path }) => path, paths)
        .build()
    },
    kind: 'stage',
    follow: { ahead: 16 },
  },
  'files that wait, in the four threads of libuv, c=16': {
    params: { concurrency: 16 },
    make: async ({ concurrency }, cleanup) => {
      const read = await slowFiles(concurrency, cleanup)
      return from().pipe(read, { name: 'read', concurrency }).build()
    },
    kind: 'inner',
    stage: 'read',
    instead: { concurrency: 64 },
  },
  'a path that is slow': {
    params: { concurrency: 1 },
    make: ({ concurrency }) =>
      from()
        .pathVariants(
          (item) => item % 2,
          [
            (path) => path.pipe((item) => pause(8, item), { name: 'slow', concurrency }),
            (path) => path.pipe((item) => pause(1, item), { name: 'quick', concurrency: 4 }),
          ],
        )
        .build(),
    kind: 'stage',
    stage: 'slow',
  },
  'two stages that are as slow': {
    params: { first: 4, second: 4 },
    make: ({ first, second }) =>
      from()
        .pipe((item) => pause(10, item), { name: 'first', concurrency: first })
        .pipe((item) => pause(10, item), { name: 'second', concurrency: second })
        .build(),
    kind: 'stage',
    isWithoutChange: true,
    instead: { first: 8, second: 4 },
  },
  'calls that are refused and tried again': {
    params: { concurrency: 16 },
    make: ({ concurrency }) =>
      from()
        .pipe(() => get('/20?limit=4'), {
          name: 'fetch',
          concurrency,
          retry: { retries: 100, minDelayMs: 20, maxDelayMs: 100 },
        })
        .build(),
    kind: 'rateLimited',
    stage: 'fetch',
  },
  'a pipeline in a worker whose stage waits': {
    params: { concurrency: 2 },
    make: ({ concurrency }) =>
      runPipelineInWorker(REMOTE, { export: 'waiting', args: { concurrency } }),
    kind: 'stage',
    stage: 'fetch',
  },
  'a pipeline in a process whose stage waits': {
    params: { concurrency: 2 },
    make: ({ concurrency }) =>
      runPipelineInProcess(REMOTE, { export: 'waiting', args: { concurrency } }),
    kind: 'stage',
    stage: 'fetch',
  },
  // --- the loop
  'an op that computes on the loop': {
    params: { threads: 0 },
    make: ({ threads }, cleanup) =>
      threads === 0
        ? from().pipe(compute4, { name: 'decode', concurrency: 4 }).build()
        : from()
            .pipe(ops.compute4, {
              name: 'decode',
              concurrency: threads,
              executor: pooled(ThreadPool, threads, cleanup),
            })
            .build(),
    kind: 'loop',
    stage: 'decode',
    follow: { threads: Math.max(2, CORES) },
  },
  'an op that computes on the loop of a pipeline in a worker': {
    params: { threads: 0 },
    make: (args) => runPipelineInWorker(REMOTE, { export: 'computing', args }),
    kind: 'loop',
    stage: 'decode',
    follow: { threads: Math.max(2, CORES) },
  },
  'an op that computes on the loop of a pipeline in a process': {
    params: { threads: 0 },
    make: (args) => runPipelineInProcess(REMOTE, { export: 'computing', args }),
    kind: 'loop',
    stage: 'decode',
    follow: { threads: Math.max(2, CORES) },
  },
  // --- the two ends
  'a source that waits': {
    params: { concurrency: 0 },
    make: ({ concurrency }) => {
      async function* slowly() {
        for (let i = 0; ; i++) yield await pause(5, i)
      }
      return concurrency === 0
        ? from(slowly)
            .pipe((item) => pause(5, item), { name: 'fetch', concurrency: 16 })
            .build()
        : from()
            .pipe((item) => pause(5, item), { name: 'list', concurrency })
            .pipe((item) => pause(5, item), { name: 'fetch', concurrency: 16 })
            .build()
    },
    kind: 'source',
    stage: 'source',
    follow: { concurrency: 4 },
  },
  'a consumer that waits': {
    params: {},
    make: () => ({
      pipeline: from()
        .pipe((item) => pause(2, item), { name: 'fetch', concurrency: 4 })
        .build(),
      consume: () => pause(8),
    }),
    kind: 'consumer',
    stage: 'consumer',
  },
  'a consumer that waits, of a pipeline in a worker': {
    params: {},
    make: () => ({
      pipeline: runPipelineInWorker(REMOTE, { export: 'quick' }),
      consume: () => pause(8),
    }),
    kind: 'consumer',
    stage: 'consumer',
  },
  'a consumer that computes on the loop': {
    params: { isMoved: false },
    make: ({ isMoved }) => ({
      pipeline: isMoved
        ? runPipelineInWorker(REMOTE, { export: 'light' })
        : from()
            .pipe(async (item) => compute4(item), { name: 'prepare' })
            .build(),
      // It gives its loop a turn between two items, as one that logs or answers does.
      consume: () => {
        compute(8)
        return new Promise((resolve) => setImmediate(resolve))
      },
    }),
    kind: 'consumer',
    stage: 'consumer',
    follow: { isMoved: true },
  },
  // --- memory
  'a bound on bytes before a consumer that takes many at once': {
    params: { maxBytes: 2e6 },
    make: ({ maxBytes }) => ({
      pipeline: from()
        .pipe(async () => pause(5, new Uint8Array(1e6)), {
          name: 'read',
          concurrency: 2,
          buffer: 100,
          maxBytes,
        })
        .addSink(1)
        .build(),
      burst: { size: 20, ms: 50 },
    }),
    kind: 'memory',
    stage: 'read',
  },
  // --- too little
  'a run of 40 items': {
    params: { concurrency: 4 },
    make: ({ concurrency }) =>
      from(Array(40).keys())
        .pipe((item) => pause(50, item), { name: 'fetch', concurrency })
        .build(),
    kind: 'stage',
    stage: 'fetch',
    isWhole: true,
  },
  'a run of 18 items': {
    params: { concurrency: 4 },
    make: ({ concurrency }) =>
      from(Array(18).keys())
        .pipe((item) => pause(100, item), { name: 'fetch', concurrency })
        .build(),
    kind: 'stage',
    stage: 'fetch',
    isWhole: true,
  },
  'three items in a tenth of a second': {
    params: {},
    make: () =>
      from([1, 2, 3])
        .pipe((item) => pause(30, item), { name: 'fetch' })
        .build(),
    kind: undefined,
    isShort: true,
  },
}
