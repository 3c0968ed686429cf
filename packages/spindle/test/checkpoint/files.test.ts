import assert from 'node:assert/strict'
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { FileCheckpoint, readFileState } from 'spindle/checkpoint'
import { interceptFs } from './fixtures/fs-calls.ts'

interface State {
  readonly next: number
}

const home = mkdtempSync(join(tmpdir(), 'checkpoint-files-'))
after(() => rmSync(home, { recursive: true, force: true }))
let folders = 0
const newFolder = () => join(home, String(folders++))
const text = (...path: string[]) => readFileSync(join(...path), 'utf8')
/** What is to be seen, besides the work folder. */
const seen = (folder: string) =>
  (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => !name.startsWith('.checkpoint'))
    .sort()
const rejectsWith = (code: string, work: () => Promise<unknown>) => assert.rejects(work, { code })

let endIntercept = () => {}
afterEach(() => endIntercept())

describe('FileCheckpoint', () => {
  it('makes a part for each commit, with what was written since the one before, and goes on where it was', async () => {
    const folder = newFolder()
    const first = await FileCheckpoint.open<State>(folder)
    assert.deepEqual([first.state, first.commits, first.parts], [undefined, 0, 0])
    await first.write('a')
    await first.write(Uint8Array.of(98))
    await first.commit(() => ({ next: 1 }))
    await first.write('c')
    await first.commit(() => ({ next: 2 }))
    await first.commit(() => ({ next: 3 }))
    assert.deepEqual([first.state, first.commits, first.parts], [{ next: 3 }, 3, 2])
    await first.close()
    const second = FileCheckpoint.openSync<State>(pathToFileURL(folder))
    assert.equal(second.directory, folder)
    assert.deepEqual([second.state, second.commits, second.parts], [{ next: 3 }, 3, 2])
    second.writeSync('d')
    second.commitSync(() => ({ next: 4 }))
    second.closeSync()
    assert.deepEqual(seen(folder), ['part-00000000', 'part-00000001', 'part-00000002'])
    assert.equal(text(folder, 'part-00000000'), 'ab')
    assert.equal(text(folder, 'part-00000002'), 'd')
    assert.deepEqual(await readFileState(folder), { next: 4 })
    assert.equal(await readFileState(newFolder()), undefined)
  })

  it('shows nothing before the commit, and leaves nothing of what was not committed', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    await output.write('x'.repeat(200_000))
    await output.writeFile('images/1.txt', '1')
    assert.deepEqual(seen(folder), [])
    await output.close()
    await rejectsWith('ERR_CHECKPOINT_CLOSED', () => output.write('y'))
    assert.deepEqual(seen(folder), [])
    assert.deepEqual(readdirSync(join(folder, '.checkpoint')), ['owner'])
  })

  it('puts bytes down as they are when it is called, in the order of the calls', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder, {
      partName: (part) => `rows/${part}.txt`,
    })
    const small = new Uint8Array(10)
    const large = new Uint8Array(100_000).fill(0x2e)
    const writes: Promise<void>[] = []
    for (let i = 0; i < 10; i++) {
      small.fill(0x30 + i)
      writes.push(output.write(small))
      if (i % 4 === 0) writes.push(output.write(large))
      if (i === 6) writes.push(output.commit(() => ({ next: i })))
    }
    writes.push(output.commit(() => ({ next: 10 })))
    await Promise.all(writes)
    await output.close()
    const digits = (i: number) => String(i).repeat(10) + (i % 4 === 0 ? '.'.repeat(100_000) : '')
    assert.equal(text(folder, 'rows/0.txt'), [0, 1, 2, 3, 4, 5, 6].map(digits).join(''))
    assert.equal(text(folder, 'rows/1.txt'), [7, 8, 9].map(digits).join(''))
  })

  it('takes the state at once, and keeps what it was then', async () => {
    const output = await FileCheckpoint.open<{ next: number }>(newFolder())
    const state = { next: 1 }
    const committed = output.commit(() => state)
    state.next = 2
    await committed
    assert.deepEqual(output.state, { next: 1 })
    assert.deepEqual(await readFileState(output.directory), { next: 1 })
    await output.close()
  })

  it('makes files by name: from data, by a function, several at a time, the last of a name staying', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    let given = ''
    await Promise.all([
      output.writeFile('a/b/one.txt', 'one'),
      output.writeFile('two.bin', Uint8Array.of(1, 2)),
      output.writeFile('three.png', (path) => {
        given = path
        return writeFile(path, 'three')
      }),
      output.writeFile('four', 'old'),
      output.writeFile('four', 'new'),
    ])
    assert.match(given, /\.png$/)
    await output.commit(() => ({ next: 1 }))
    assert.deepEqual(seen(folder), ['a', 'a/b', 'a/b/one.txt', 'four', 'three.png', 'two.bin'])
    assert.equal(text(folder, 'four'), 'new')
    assert.equal(text(folder, 'three.png'), 'three')
    output.writeFileSync('four', 'newer')
    output.writeFileSync('five', (path) => writeFileSync(path, 'five'))
    assert.equal(text(folder, 'four'), 'new')
    output.commitSync(() => ({ next: 2 }))
    assert.equal(text(folder, 'four'), 'newer')
    assert.equal(text(folder, 'five'), 'five')
    assert.equal(output.parts, 0)
    output.closeSync()
  })

  it('commits files that are still being made when it is called, and waits for them', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    let goOn = () => {}
    const made = output.writeFile('slow', async (path) => {
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      await writeFile(path, 'slow')
    })
    const committed = output.commit(() => ({ next: 1 }))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([output.commits, existsSync(join(folder, 'slow'))], [0, false])
    goOn()
    await Promise.all([made, committed])
    assert.equal(text(folder, 'slow'), 'slow')
    await output.close()
  })

  it('goes on without a file whose making failed before the commit, and commits nothing when it fails in it', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    const fault = new Error('no such picture')
    await assert.rejects(
      output.writeFile('a', () => Promise.reject(fault)),
      fault,
    )
    await assert.rejects(
      output.writeFile('b', () => {}),
      { code: 'ENOENT' },
    )
    assert.throws(() => output.writeFileSync('b', () => {}), { code: 'ENOENT' })
    await output.writeFile('c', 'c')
    await output.commit(() => ({ next: 1 }))
    assert.deepEqual(seen(folder), ['c'])

    const failing = output.writeFile('d', () => Promise.reject(fault))
    const committed = output.commit(() => ({ next: 2 }))
    await assert.rejects(failing, fault)
    await assert.rejects(committed, { code: 'ERR_CHECKPOINT_WRITE', cause: fault })
    await rejectsWith('ERR_CHECKPOINT_BROKEN', () => output.commit(() => ({ next: 3 })))
    await output.close()
    assert.deepEqual(await readFileState(folder), { next: 1 })
  })

  it('is broken by a write that fails: nothing more is committed, and a new one goes on from the last commit', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    await output.write('one')
    await output.commit(() => ({ next: 1 }))
    endIntercept = interceptFs(({ name, perform }) => {
      if (name === 'writev')
        throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
      return perform()
    })
    const unheard = output.write('x'.repeat(100_000))
    unheard.catch(() => {})
    await assert.rejects(
      output.commit(() => ({ next: 2 })),
      (error: any) => {
        assert.equal(error.code, 'ERR_CHECKPOINT_BROKEN')
        assert.equal(error.cause.code, 'ERR_CHECKPOINT_WRITE')
        assert.equal(error.cause.cause.code, 'ENOSPC')
        return true
      },
    )
    endIntercept()
    await rejectsWith('ERR_CHECKPOINT_BROKEN', () => output.write('y'))
    await output.close()
    const next = await FileCheckpoint.open<State>(folder)
    assert.deepEqual([next.state, next.parts], [{ next: 1 }, 1])
    await next.close()
    assert.deepEqual(seen(folder), ['part-00000000'])
  })

  for (const failing of ['fsync', 'rename'] as const) {
    it(`tells a failing ${failing}, in both forms, and loses nothing that was committed`, async () => {
      const folder = newFolder()
      for (const form of ['commit', 'commitSync'] as const) {
        for (let nth = 1; nth <= 4; nth++) {
          const output = await FileCheckpoint.open<State>(folder)
          const before = output.state?.next ?? 0
          await output.write(`${before}\n`)
          let count = 0
          endIntercept = interceptFs(({ name, perform }) => {
            if (name === failing && ++count === nth) throw new Error('EIO: i/o error')
            return perform()
          })
          const commit = async () => output[form](() => ({ next: before + 1 }))
          const fault: any = await commit().then(
            () => undefined,
            (error) => error,
          )
          endIntercept()
          assert.equal(fault?.code, count < nth ? undefined : 'ERR_CHECKPOINT_WRITE')
          await output.close()
        }
      }
      const last = await FileCheckpoint.open<State>(folder)
      const rows = seen(folder).map((name) => text(folder, name))
      assert.deepEqual(
        rows,
        Array.from({ length: last.state?.next ?? 0 }, (_, i) => `${i}\n`),
      )
      await last.close()
    })
  }

  it('belongs to the one that opened it last', async () => {
    const folder = newFolder()
    const old = await FileCheckpoint.open<State>(folder)
    await old.write('one')
    await old.commit(() => ({ next: 1 }))
    await old.write('of the old one')
    const young = await FileCheckpoint.open<State>(folder)
    assert.deepEqual(young.state, { next: 1 })
    await young.write('two')
    await rejectsWith('ERR_CHECKPOINT_TAKEN', () => old.commit(() => ({ next: 2 })))
    await old.close()
    await young.commit(() => ({ next: 2 }))
    await young.close()
    assert.equal(text(folder, 'part-00000001'), 'two')
    assert.deepEqual(seen(folder), ['part-00000000', 'part-00000001'])
  })

  it('refuses synchronous calls while a promise is unsettled', async () => {
    const output = await FileCheckpoint.open<State>(newFolder())
    const committed = output.commit(() => ({ next: 1 }))
    assert.throws(() => output.writeSync('x'), { code: 'ERR_CHECKPOINT_BUSY' })
    assert.throws(() => output.commitSync(() => ({ next: 2 })), { code: 'ERR_CHECKPOINT_BUSY' })
    assert.throws(() => output.closeSync(), { code: 'ERR_CHECKPOINT_BUSY' })
    await committed
    output.writeSync('x')
    output.commitSync(() => ({ next: 2 }))
    output.closeSync()
  })

  it('waits in close() for what was called before', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    const work = [output.write('x'.repeat(100_000)), output.commit(() => ({ next: 1 }))]
    await output[Symbol.asyncDispose]()
    assert.equal(output.commits, 1)
    await Promise.all(work)
    await output.close()
    assert.deepEqual(seen(folder), ['part-00000000'])
  })

  it('refuses a folder whose manifest is damaged, of another version, or missing', async () => {
    const folder = newFolder()
    const output = await FileCheckpoint.open<State>(folder)
    await output.write('x')
    await output.commit(() => ({ next: 1 }))
    await output.close()
    const manifest = join(folder, '.checkpoint/manifest.json')
    const good = JSON.parse(text(manifest))
    for (const [bad, message] of [
      ['{', /is not a manifest/],
      ['null', /holds no object/],
      [JSON.stringify({ ...good, version: 2 }), /has version 2, known is 1/],
      [JSON.stringify({ ...good, commits: -1 }), /`commits` is no count/],
      [JSON.stringify({ ...good, parts: '1' }), /`parts` is no count/],
      [JSON.stringify({ ...good, files: [{ temp: 1 }] }), /`files` is no list/],
      [JSON.stringify({ ...good, files: [{ temp: '../x', name: 'a' }] }), /`files` is no list/],
      [JSON.stringify({ ...good, state: 1 }), /`state` is no state/],
      [
        JSON.stringify({ ...good, files: [{ temp: 'a', name: 'gone' }] }),
        /"gone" was committed and is missing/,
      ],
    ] as const) {
      writeFileSync(manifest, bad)
      await assert.rejects(FileCheckpoint.open(folder), { code: 'ERR_BAD_CHECKPOINT', message })
    }
    rmSync(manifest)
    await assert.rejects(FileCheckpoint.open(folder), {
      code: 'ERR_BAD_CHECKPOINT',
      message: /has no manifest, but holds "part-00000000"/,
    })
    mkdirSync(manifest)
    assert.throws(() => FileCheckpoint.openSync(folder), { code: 'ERR_BAD_CHECKPOINT' })
    const file = join(home, 'no-folder')
    writeFileSync(file, '')
    await rejectsWith('ERR_CHECKPOINT_WRITE', () => FileCheckpoint.open(file))
  })

  it('refuses bad arguments with the rule', async () => {
    const badOption = (message: RegExp) => ({ code: 'ERR_BAD_OPTION', message })
    const open = FileCheckpoint.open as (...args: any[]) => Promise<unknown>
    await assert.rejects(open(''), badOption(/`directory` must be a path or a file: URL, got ''/))
    await assert.rejects(open(new URL('http://x/')), badOption(/`directory`.* got 'http:\/\/x\/'/))
    await assert.rejects(open(newFolder(), { part: 1 }), badOption(/unknown option `part`/))
    await assert.rejects(
      open(newFolder(), { partName: 'x' }),
      badOption(/`partName` must be a function/),
    )
    await assert.rejects(
      open(newFolder(), { partName: () => 'x' }),
      badOption(/each part another name/),
    )
    await assert.rejects(
      open(newFolder(), { partName: () => '../x' }),
      badOption(/`partName\(\)` must be/),
    )
    const output = await FileCheckpoint.open<any>(newFolder())
    for (const name of [
      '',
      '/x',
      'a/../b',
      './a',
      'a//b',
      '..',
      '.checkpoint/x',
      'a\0',
      7 as never,
    ])
      await assert.rejects(
        output.writeFile(name, ''),
        badOption(/`name` must be the path of a file/),
      )
    await assert.rejects(
      output.write([1] as never),
      badOption(/`data` must be a string or a Uint8Array/),
    )
    assert.throws(() => output.writeFileSync('a', 1 as never), badOption(/`data` must be/))
    assert.throws(
      () => output.writeFileSync('a', async () => {}),
      badOption(/`data` must be a function that has made the file when it returns/),
    )
    await assert.rejects(output.commit({} as never), badOption(/`state` must be a function/))
    await assert.rejects(
      output.commit(() => 1),
      badOption(/`state\(\)` must be a state/),
    )
    await assert.rejects(
      output.commit(async () => ({})),
      badOption(/`state\(\)` must be a state given at once/),
    )
    // None of them has done any harm.
    await output.commit(() => ({ next: 1 }))
    await output.close()
    assert.equal(fs.readdirSync(output.directory).length, 1)
  })
})
