import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ThreadPool } from 'spindle'
import { call } from './support.ts'

describe('what crosses to a thread and back', () => {
  it('an error with name, code, fields, causes and the stack of its thread', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const error = (await pool.run(7, call('fail')).catch((caught) => caught)) as Error &
      Record<string, unknown>
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'Unreadable')
    assert.equal(error.message, 'row 7')
    assert.equal(error.code, 'E_UNREADABLE')
    assert.equal(error.row, 7)
    assert.match(String(error.stack), /fixtures\/ops\.ts/)
    assert.ok(error.cause instanceof RangeError)
    assert.equal(error.cause.message, 'too far')
    assert.deepEqual(error.cause.cause, { offset: 7 })
  })

  it('not a function: the error names the field, of an item and of a result', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const given = await Promise.allSettled([
      pool.run(1, call('double')),
      pool.run({ a: [{ f: () => {} }] }, call('double')),
      pool.run(3, call('giveFunction')),
      pool.run(2, call('double')),
    ])
    assert.deepEqual(given[0], { status: 'fulfilled', value: 2 })
    assert.deepEqual(given[3], { status: 'fulfilled', value: 4 })
    const [, item, result] = given as PromiseRejectedResult[]
    assert.equal(item?.reason.code, 'ERR_NOT_TRANSFERABLE')
    assert.match(item?.reason.message, /item\.a\[0\]\.f is function f/)
    assert.equal(result?.reason.code, 'ERR_NOT_TRANSFERABLE')
    assert.match(result?.reason.message, /result\.meta\.list\[1\]/)
  })

  it('a copy of a result’s buffer, which stays the op’s own, unless the op moves it', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const given = (await pool.run(1 << 20, call('bytes'))) as Uint8Array
    assert.equal(given.byteLength, 1 << 20)
    assert.equal(given[99], 7)
    for (const name of ['giveKept', 'giveKept', 'giveMoved'])
      assert.equal(((await pool.run(0, call(name))) as Uint8Array)[99], 3)
    // The op has kept what it has moved.
    await assert.rejects(pool.run(0, call('giveKept')), {
      code: 'ERR_NOT_TRANSFERABLE',
      message: /given away/,
    })
  })

  it('a part of a larger buffer without the rest', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const { header, text } = (await pool.run(9, call('slice'))) as {
      header: Uint8Array
      text: Uint8Array
    }
    assert.deepEqual([...header], [9, 0])
    assert.equal(header.buffer.byteLength, 2)
    assert.equal(Buffer.from(text).toString(), 'ab')
    assert.equal(text.buffer.byteLength, 2)
    const large = new Uint8Array(1 << 20)
    assert.equal(await pool.run(large.subarray(8, 16), call('sizeBehind')), 8)
    assert.equal(large.byteLength, 1 << 20)
  })

  it('a copy of an item’s whole buffer: the caller keeps its own', async () => {
    await using pool = new ThreadPool({ size: 1 })
    const view = new Uint8Array(64)
    assert.equal(await pool.run(view, call('sizeBehind')), 64)
    assert.equal(view.byteLength, 64)
  })
})
