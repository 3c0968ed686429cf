// The floor: no engine at all. No bounds between the stages, no failure handling, no order.
import { readFile } from 'node:fs'

export const bare = {
  name: 'no engine', // lanes of `.then`; a plain loop for sync chains
  hasConcurrency: true,
  backpressure: 'no',
  supports: ({ shape, order, concurrency }) =>
    order === 'completion' && (shape !== 'sync' || concurrency === 1),
  items: { async: 1e6, sync: 1e7, timers: 20_000, files: 10_000, 'files-fast': 20_000 },
  run({ shape, concurrency, operations, source, consume }) {
    if (shape === 'sync') return runInline(operations, source, consume)
    // As many items in flight as the pipelines have: `concurrency` for each stage that really
    // waits.
    if (shape === 'timers') return runLanes(3 * concurrency, operations, source, consume)
    if (shape === 'files-fast') return runLanes(concurrency, [readByCallback], source, consume)
    return runLanes(concurrency, operations, source, consume)
  },
}

function runLanes(lanes, operations, source, consume) {
  const iterator = source[Symbol.iterator]()
  const lane = operations.length === 1 ? laneOfOne : laneOfThree
  return Promise.all(Array.from({ length: lanes }, () => lane(iterator, operations, consume)))
}

function laneOfThree(iterator, [first, second, third], consume) {
  return new Promise((resolve, reject) => {
    const goSecond = (x) => {
      second(x).then(goThird, reject)
    }
    const goThird = (x) => {
      third(x).then(finish, reject)
    }
    const finish = (x) => {
      consume(x)
      pull()
    }
    const pull = () => {
      const { done, value } = iterator.next()
      if (done) resolve()
      else first(value).then(goSecond, reject)
    }
    pull()
  })
}

function laneOfOne(iterator, [operation], consume) {
  return new Promise((resolve, reject) => {
    const finish = (x) => {
      consume(x)
      pull()
    }
    const pull = () => {
      const { done, value } = iterator.next()
      if (done) resolve()
      else operation(value).then(finish, reject)
    }
    pull()
  })
}

function runInline([first, second, third], source, consume) {
  for (const x of source) consume(third(second(first(x))))
}

function readByCallback(path) {
  return new Promise((resolve, reject) => {
    readFile(path, (error, data) => (error ? reject(error) : resolve(data)))
  })
}
