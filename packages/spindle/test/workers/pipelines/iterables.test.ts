import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertCode, rejectsCode } from '../../support/consume.ts'
import { attempt, inProcess, inThread, take, upTo, ways } from './support.ts'

describe('an iterable elsewhere', () => {
  it('gives its items, time and again, from a thread and from a process', async () => {
    for (const place of [inThread, inProcess]) {
      await using numbers = place.iterate(undefined)
      for (const way of ['for', 'for await', 'for'] as const)
        assert.deepEqual(await take(numbers, way), upTo(5))
      await using failing = place.iterate('failsAfter')
      const { given, error } = await attempt(failing, 'for')
      assert.deepEqual(given, [0, 1, 2])
      assert.deepEqual(
        [(error as Error).message, (error as { code: string }).code],
        ['cannot read on', 'E_READ'],
      )
    }
  })

  it('may be of any kind', async () => {
    for (const [name, options, expected] of [
      ['mixed', {}, ['a', '', undefined, null, 0]],
      ['nothing', {}, []],
      ['generator', { args: { count: 300 }, bufferSize: 1 }, upTo(300)],
      ['asyncGenerator', { args: { count: 30 } }, upTo(30)],
      ['promises', {}, [1, 2, 3]],
    ] as const) {
      await using loader = inThread.iterate<unknown>(name, options)
      for (const way of ways) assert.deepEqual(await take(loader, way), expected, `${name}, ${way}`)
    }
  })

  it('is made once by its function, unless it can be gone through only once', async () => {
    await using made = inThread.iterate('madeOnce')
    assert.deepEqual([...(await take(made, 'for')), ...(await take(made, 'for'))], [1, 1])
    const { items, state, stages } = await made.stats()
    assert.deepEqual([items, state, stages], [1, 'done', []])
    await using single = inThread.iterate('single')
    assert.deepEqual(await take(single, 'for await'), [1, 2, 3])
    await rejectsCode(take(single, 'for await'), 'ERR_BAD_SOURCE')
  })

  it('goes on after break, and is closed once, by stop', async () => {
    const notes = new SharedArrayBuffer(8)
    const cells = new Int32Array(notes)
    const loader = inThread.iterate('noted', { args: { notes }, bufferSize: 4 })
    assert.deepEqual(await take(loader, 'for', 3), [0, 1, 2])
    assert.deepEqual(await take(loader, 'for await', 3), [3, 4, 5])
    // Never asked for more than there is room for.
    assert.ok((cells[0] as number) <= 10)
    assert.equal(cells[1], 0)
    await loader.stop()
    assert.equal(cells[1], 1)
    const left = await take(loader, 'for')
    assert.deepEqual(left, upTo(100).slice(6, 6 + left.length))
    assert.ok(left.length <= 4)
  })

  it('loses nothing to a limit of time', async () => {
    await using loader = inThread.iterate('slow', { args: { gapMs: 30 } })
    await loader.start()
    for (const way of ways) {
      const given: unknown[] = []
      let timeouts = 0
      const items = way === 'for' ? loader[Symbol.iterator]() : loader.iterate({ timeoutMs: 2 })
      for (;;) {
        try {
          const { done, value } = await items.next()
          if (done === true) break
          given.push(value)
        } catch (error) {
          assertCode(error, 'ERR_TIMEOUT', /no item within `timeoutMs` 2/)
          timeouts++
        }
      }
      assert.deepEqual(given, upTo(5))
      assert.ok(way === 'for' || timeouts > 0)
    }
  })

  it('that is none says so', async () => {
    await using loader = inThread.iterate('number')
    await rejectsCode(
      take(loader, 'for'),
      'ERR_NOT_ITERABLE',
      /export number .*cannot be iterated: it is 42/,
    )
  })
})
