import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PipelineFailure, runPipelineInProcess, runPipelineInWorker, StageFailure } from 'spindle'
import { assertCode, rejectsCode, throwsCode } from '../../support/consume.ts'
import { attempt, inProcess, inThread, places, take, ways } from './support.ts'

for (const place of places) {
  describe(`a pipeline that fails in ${place.name}`, () => {
    it('gives every good item, then throws its failure as it was, once to an iterator, and to each new one', async () => {
      for (const way of place === inThread ? ways : (['for'] as const)) {
        const loader = place.run('failing')
        const { given, error } = await attempt(loader, way)
        assert.deepEqual(given, [0, 1, 2, 3, 4])
        assert.ok(error instanceof PipelineFailure)
        const [failure] = error.errors
        assert.ok(failure instanceof StageFailure)
        assert.deepEqual(
          [failure.stage, failure.stageId, failure.index, failure.failures],
          ['check', 1, 5, 1],
        )
        assert.match(
          failure.message,
          /stage "check" \(.*loaders\.ts:\d+\) failed on item 5: bad item/,
        )
        assert.match(failure.stack ?? '', /stage "check"/)
        assert.deepEqual(
          failure.recent.map(({ item, attempts }) => [item, attempts]),
          [[5, 1]],
        )
        const cause = failure.cause as RangeError & { code: string; n: number }
        assert.ok(cause instanceof RangeError)
        assert.deepEqual(
          [cause.code, cause.n, (cause.cause as Error).message],
          ['E_BAD', 5, 'the root'],
        )
        assert.match(cause.stack ?? '', /loaders\.ts/)
        assert.equal(error.cause, cause)
        await assert.rejects(loader.done, error)
        for (const again of ways) assert.equal((await attempt(loader, again)).error, error)
        assert.equal((await loader.report()).failures.length, 1)
        await loader.stop()
      }
    })

    if (place === inProcess) return
    it('says so to a continuous consumer too, instead of giving empty epochs for ever', async () => {
      await using loader = place.run('failing', { args: { count: 4, at: 2, continuous: true } })
      const iterator = loader[Symbol.asyncIterator]()
      assert.deepEqual([(await iterator.next()).value, (await iterator.next()).value], [0, 1])
      await assert.rejects(iterator.next(), PipelineFailure)
      assert.deepEqual(await iterator.next(), { done: true, value: undefined })
      await assert.rejects(take(loader, 'for'), PipelineFailure)
    })

    it('names what cannot cross, after what can', async () => {
      await using loader = place.run<{ n: number }>('uncloneable')
      const { given, error } = await attempt(loader, 'for')
      assert.deepEqual(given, [{ n: 0 }, { n: 1 }, { n: 2 }])
      assertCode(error, 'ERR_NOT_TRANSFERABLE', /item\.deep\[0\]\.call is function call/)
    })
  })
}

describe('a pipeline elsewhere that cannot begin', () => {
  it('says why, whoever asks and however', async () => {
    for (const [exportName, code, message] of [
      [
        'nowhere',
        'ERR_WORKER_MODULE',
        /no export nowhere in .*loaders\.[jt]s; it exports .*pipeline/,
      ],
      [
        'throwing',
        'ERR_WORKER_START',
        /export throwing .*failed when it was called: no such folder/,
      ],
      [
        'notABuilder',
        'ERR_NOT_A_PIPELINE',
        /export notABuilder .*is not a PipelineBuilder but \{ a: 1 \}/,
      ],
      ['built', 'ERR_NOT_A_PIPELINE', /leave \.build\(\) to Spindle/],
    ] as const) {
      await using loader = inThread.run(exportName)
      assertCode((await attempt(loader, 'for')).error, code, message)
      await rejectsCode(loader.start(), code)
      await rejectsCode(loader.done, code)
      await rejectsCode(take(loader, 'for await'), code)
    }
    await using loader = inProcess.run('throwing')
    const { error } = await attempt(loader, 'for await')
    assertCode(error, 'ERR_WORKER_START', /no such folder/)
    assert.ok((error as Error).cause instanceof TypeError)
  })

  it('says that there is no module', async () => {
    await using loader = runPipelineInWorker('file:///nowhere/loader.js')
    await rejectsCode(
      loader.start(),
      'ERR_WORKER_MODULE',
      /cannot load file:\/\/\/nowhere\/loader\.js/,
    )
  })

  it('says that options of build() are wrong', async () => {
    await using loader = inThread.run('counted', { build: { threads: -1 } })
    assertCode((await attempt(loader, 'for')).error, 'ERR_BAD_OPTION', /`threads`/)
  })

  it('takes no options that cannot cross, and names them at once', () => {
    const file = import.meta.url
    for (const run of [runPipelineInWorker, runPipelineInProcess]) {
      throwsCode(
        () => run(file, { args: { list: [{ callback: () => {} }] } }),
        'ERR_NOT_TRANSFERABLE',
        /options\.args\.list\[0\]\.callback is function callback/,
      )
      throwsCode(
        () => run(file, { build: { onItemError: () => {} } as object }),
        'ERR_NOT_TRANSFERABLE',
        /options\.build\.onItemError/,
      )
    }
  })

  it('takes no bad options', () => {
    const file = import.meta.url
    for (const [options, message] of [
      [{ bufferSize: 0 }, /`bufferSize` must be an integer >= 1, got 0/],
      [{ timeoutMs: 0 }, /`timeoutMs`/],
      [{ export: '' }, /`export`/],
      [{ transfer: 1 }, /`transfer`/],
      [{ signal: {} }, /`signal`/],
      [{ build: 3 }, /`build`/],
      [{ buffer: 3 }, /unknown option `buffer`/],
      [
        { resourceLimits: { maxOldGenerationSizeMb: -1 } },
        /`resourceLimits.maxOldGenerationSizeMb`/,
      ],
      [{ resourceLimits: { heap: 1 } }, /unknown option `heap`/],
    ] as const)
      throwsCode(() => runPipelineInWorker(file, options as object), 'ERR_BAD_OPTION', message)
    throwsCode(
      () => runPipelineInProcess(file, { resourceLimits: { stackSizeMb: 1 } }),
      'ERR_BAD_OPTION',
    )
    throwsCode(() => runPipelineInWorker('./loader.js'), 'ERR_BAD_OPTION', /`href`/)
  })
})

describe('a source that can be gone through only once', () => {
  it('is an error the second time if the module exports the builder', async () => {
    await using loader = inThread.run('once')
    assert.deepEqual(await take(loader, 'for'), [0, 1, 2])
    await rejectsCode(take(loader, 'for'), 'ERR_BAD_SOURCE', /export once .*only once/)
  })

  it('is made anew if it exports a function', async () => {
    await using loader = inThread.run('onceMade')
    for (const way of ways) assert.deepEqual(await take(loader, way), [0, 1, 2])
  })
})

it('a source that fails is heard of after what it gave', async () => {
  await using loader = inThread.run('failingSource')
  const { given, error } = await attempt(loader, 'for await')
  assert.deepEqual(given, [0, 1, 2])
  assert.equal(((error as PipelineFailure).cause as Error).message, 'no more disk')
})
