// The shapes: the operations of a pipeline, its source, and what its consumer does with a result.
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE } from './rivals.mjs'

const FILE_COUNT = 64
const FILE_BYTES = 8192

/**
 * Three separate functions a shape, as a user would have, so that no stage profits from another's
 * inline cache.
 */
const OPERATIONS = {
  async: [async (x) => x, async (x) => x, async (x) => x],
  sync: [(x) => x, (x) => x, (x) => x],
  timers: [
    (x) => new Promise((resolve) => setTimeout(resolve, 1, x)),
    (x) => new Promise((resolve) => setTimeout(resolve, 1, x)),
    (x) => new Promise((resolve) => setTimeout(resolve, 1, x)),
  ],
  files: [(path) => readFile(path)],
  // The reader is the implementation's own: the callback API for bare lanes, `readFile` of
  // spindle/source for Spindle.
  'files-fast': [],
}

/**
 * @param {string} name `async`, `sync`, `timers`, `files` or `files-fast`
 * @returns the operations, `source(n)`, and `consumer()`, whose `consume` takes each result and
 *   whose `check(n, isOrdered)`
 * throws unless every item arrived exactly once (and in order)
 */
export function makeShape(name) {
  const operations = OPERATIONS[name]
  if (name.startsWith('files')) {
    const paths = writeFiles()
    return { name, operations, source: (n) => cycle(paths, n), consumer: countBytes }
  }
  return { name, operations, source: count, consumer: addUp }
}

function* count(n) {
  for (let i = 0; i < n; i++) yield i
}

function* cycle(paths, n) {
  for (let i = 0; i < n; i++) yield paths[i % paths.length]
}

function addUp() {
  let received = 0
  let sum = 0
  let last = -1
  let inversions = 0
  return {
    consume(x) {
      received++
      sum = (sum + x) | 0
      if (x < last) inversions++
      last = x
    },
    check(n, isOrdered) {
      let expected = 0
      for (let i = 0; i < n; i++) expected = (expected + i) | 0
      if (received !== n || sum !== expected)
        throw new Error(`items lost or doubled: ${received} of ${n}`)
      if (isOrdered && inversions > 0) throw new Error(`${inversions} items out of order`)
    },
  }
}

function countBytes() {
  let received = 0
  let bytes = 0
  return {
    consume(data) {
      received++
      bytes += data.length
    },
    check(n) {
      if (received !== n || bytes !== n * FILE_BYTES)
        throw new Error(`files lost: ${received} of ${n}`)
    },
  }
}

function writeFiles() {
  const folder = join(CACHE, 'files')
  mkdirSync(folder, { recursive: true })
  return Array.from({ length: FILE_COUNT }, (_, i) => {
    const path = join(folder, `${i}.bin`)
    writeFileSync(path, Buffer.alloc(FILE_BYTES, i))
    return path
  })
}
