import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runChild } from '../../support/child.ts'
import { NODE_FLAGS } from '../../support/typescript.ts'
import { attempt, inThread, places, take, upTo, ways } from './support.ts'

const loaders = JSON.stringify(import.meta.resolve('./fixtures/loaders.js'))

for (const place of places) {
  describe(`stopping a pipeline in ${place.name}`, () => {
    it('ends it, its iterators and the thread or process; what is ready can be taken', async () => {
      const loader = place.run('endless')
      const items = loader[Symbol.asyncIterator]()
      assert.equal((await items.next()).value, 0)
      await loader.stop()
      await loader.done
      const rest: number[] = []
      for (let next = await items.next(); next.done !== true; next = await items.next())
        rest.push(next.value)
      assert.deepEqual(rest, upTo(rest.length + 1).slice(1))
      for (const way of ways) assert.deepEqual(await take(loader, way), [])
      await loader.stop()
    })

    it('by drain gives what was pulled from the source', async () => {
      const loader = place.run('endless', { bufferSize: 2 })
      const items = loader[Symbol.asyncIterator]()
      const given = [(await items.next()).value as number]
      const stopped = loader.stop({ mode: 'drain' })
      for (let next = await items.next(); next.done !== true; next = await items.next())
        given.push(next.value)
      await stopped
      assert.deepEqual(given, upTo(given.length))
      assert.ok(given.length > 1)
    })

    it('by its signal rejects with the reason, whoever waits', async () => {
      const abort = new AbortController()
      const loader = place.run('silent', { signal: abort.signal })
      const waiting = loader[Symbol.asyncIterator]().next()
      await loader.stats()
      const reason = { enough: true }
      abort.abort(reason)
      for (const promise of [
        waiting,
        loader.done,
        take(loader, 'for'),
        take(loader, 'for await'),
        loader.start(),
      ])
        await promise.then(
          () => assert.fail('it was not rejected'),
          (error) => assert.equal(error, reason),
        )
      await loader.stop()
    })
  })
}

describe('a pipeline elsewhere', () => {
  it('is stopped at the end of `await using` and, without waiting, of `using`', async () => {
    const notes = new SharedArrayBuffer(8)
    const cells = new Int32Array(notes)
    {
      await using loader = inThread.iterate('noted', { args: { notes } })
      for (const _ of loader) break
    }
    assert.equal(cells[1], 1)
    const loader = inThread.iterate('noted', { args: { notes } })
    loader[Symbol.dispose]()
    await loader.stop()
    await loader.done
  })

  it('may be stopped before it has begun, and with a signal that is aborted already', async () => {
    const loader = inThread.run('counted')
    await loader.stop()
    assert.deepEqual(await take(loader, 'for'), [])
    const aborted = inThread.run('counted', { signal: AbortSignal.abort('early') })
    assert.equal((await attempt(aborted, 'for')).error, 'early')
    await aborted.stop()
  })

  it('that is slow to stop is let go after the time of an abort', async () => {
    const loader = inThread.run('endless', { args: { stopMs: 100_000 } })
    await loader.start()
    await loader.stop({ timeoutMs: 20 })
  })

  it('prepares the next epoch of a continuous source while nobody asks', async () => {
    await using loader = inThread.run('counted', { args: { count: 3, continuous: true } })
    assert.deepEqual(await take(loader, 'for'), [0, 1, 2])
    // Of the second epoch, whose items wait here; the third is not begun before the second is.
    for (let items = 0; items < 6; { items } = await loader.stats()) await sleep(1)
    for (const way of ways) assert.deepEqual(await take(loader, way), [0, 1, 2])
  })
})

describe('the process that has a pipeline elsewhere', () => {
  const ends = async (module: string, stdout: string, code = 0): Promise<void> => {
    const result = await runChild(`
      import { runPipelineInProcess, runPipelineInWorker } from 'spindle'
      const href = ${loaders}
      ${module}
    `)
    assert.deepEqual(
      [result.code, result.signal, result.stdout.trim()],
      [code, null, stdout],
      result.stderr,
    )
    assert.equal(result.stderr, '')
  }

  it('lives while somebody waits for an item, and ends although it has forgotten what works', async () => {
    await ends(
      `globalThis.kept = []
       for (const run of [runPipelineInWorker, runPipelineInProcess]) {
         let sum = 0
         for await (const n of run(href)) sum += n
         console.log(sum)
         kept.push(run(href, { export: 'endless' }))
       }
       for (const loader of kept) for await (const n of loader) { console.log(n); break }
       runPipelineInWorker(href)
       runPipelineInProcess(href)`,
      '90\n90\n0\n0',
    )
  })

  it('keeps its exit code', async () => {
    await ends(
      `const loader = runPipelineInWorker(href, { export: 'endless' })
       for (const n of loader) if (n === 3) { console.log(n); process.exit(5) }`,
      '3',
      5,
    )
  })

  it('ends with an error while its pipeline works', async () => {
    const { code, stderr } = await runChild(`
      import { runPipelineInProcess, runPipelineInWorker } from 'spindle'
      globalThis.kept = [runPipelineInWorker, runPipelineInProcess].map((run) => run(${loaders}, { export: 'endless' }))
      for (const loader of kept) for (const n of loader) if (n === 3) break
      throw new Error('on purpose')
    `)
    assert.equal(code, 1)
    assert.match(stderr, /on purpose/)
  })

  it('stops a forgotten one that is collected', async () => {
    await ends(
      `import { setTimeout as sleep } from 'node:timers/promises'
       const counter = new SharedArrayBuffer(4)
       const cells = new Int32Array(counter)
       let loader = runPipelineInWorker(href, { export: 'endless' })
       for (const n of loader) break
       const { done } = loader
       loader = undefined
       let isDone = false
       done.then(() => { isDone = true })
       while (!isDone) { gc(); await sleep(10) }
       console.log('stopped')`,
      'stopped',
    )
  })
})

describe('a parent that is killed', { skip: process.platform !== 'linux' }, () => {
  const root = fileURLToPath(new URL('../../../../..', import.meta.url))

  it('leaves no process, neither one that works nor one that hangs, and nothing in /dev/shm', async () => {
    const before = slotFiles()
    const parent = spawn(
      process.execPath,
      [
        ...NODE_FLAGS,
        '--input-type=module',
        '--eval',
        `import { runPipelineInProcess } from 'spindle'
         const run = (name, args) => runPipelineInProcess(${loaders}, { export: name, args, timeoutMs: 500 })
         const [endless, hanging] = [run('endless'), run('deadly', { how: 'hang', at: 2, gapMs: 1 })]
         await Promise.all([endless.start(), hanging.start()])
         for await (const n of endless) if (n === 3) break
         try { for await (const n of hanging) ; } catch ({ code }) { console.log(code) }
         for await (const n of endless) ;`,
      ],
      { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    for await (const text of parent.stdout) {
      assert.match(String(text), /ERR_TIMEOUT/)
      break
    }
    const children = childrenOf(parent.pid as number)
    assert.equal(children.length, 2)
    parent.kill('SIGKILL')
    await until(() => (children.some(isAlive) ? undefined : true))
    // Those of other programs that are about for a moment go by themselves.
    const left = slotFiles().filter((file) => !before.includes(file))
    await until(() => (slotFiles().some((file) => left.includes(file)) ? undefined : true))
  })
})

function slotFiles(): string[] {
  return readdirSync('/dev/shm').filter((name) => name.startsWith('spindle'))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid)
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

async function until<R>(look: () => R | undefined): Promise<R> {
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    await sleep(20)
  }
}
