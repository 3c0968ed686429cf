import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAIN, PipelineBuilder, TimeoutError, workers } from 'spindle'
import { assertCode, collect } from '../../support/consume.ts'
import { items, letters, without } from './fates.ts'
import { byNumber, deadly, kinds, ops } from './support.ts'

const resourceLimits = { maxOldGenerationSizeMb: 32 }

const matrix = {
  thread: ['exit', 'throw', 'memory', 'hang'],
  process: ['exit', 'throw', 'memory', 'hang', 'kill', 'abort'],
} as const

for (const kind of kinds) {
  describe(`a ${kind} of a region that dies`, () => {
    const ways = matrix[kind]
    it(`(${ways.join(', ')}) is replaced: its item fails after two deaths, nothing else is lost or doubled`, async () => {
      const fates = Object.fromEntries(ways.map((how, i) => [20 + i * 3, { how }]))
      const { received, options } = letters()
      const pipeline = new PipelineBuilder()
        .addSource(items(60, fates))
        .to(workers({ count: 2, kind, resourceLimits, name: 'mine' }))
        .pipe(deadly.pass, { concurrency: 3 })
        .pipe(deadly.survive, { timeoutMs: 1000 })
        .pipe(ops.double)
        .to(MAIN)
        .build({ ...options, maxFailures: ways.length })
      const given = await collect(pipeline)
      assert.deepEqual(
        given.sort(byNumber),
        without(60, ...Object.keys(fates).map(Number)).map((n) => n * 2),
      )
      for (const [n, { how }] of Object.entries(fates)) {
        const letter = received.filter(({ index }) => index === Number(n))
        assert.equal(letter.length, 1, how)
        const [{ stage, attempts, item, error } = assert.fail()] = letter
        assert.deepEqual({ attempts, item }, { attempts: 2, item: { n: Number(n), how } })
        if (how === 'hang') {
          assert.equal(stage, 'survive')
          assert.ok(error instanceof TimeoutError)
        } else {
          assert.equal(stage, 'mine')
          assertCode(
            error,
            'ERR_WORKER_DIED',
            /an item killed 2 workers of region "mine", the last one with: /,
          )
        }
      }
      assert.equal(received.length, ways.length)
    })
  })
}
