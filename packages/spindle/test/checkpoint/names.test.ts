import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import {
  FileCheckpoint,
  readFileState,
  SqliteCheckpoint,
  type SqliteDatabase,
} from 'spindle/checkpoint'
import { interceptFs, never } from './fixtures/fs-calls.ts'

interface State {
  readonly next: number
}

const home = mkdtempSync(join(tmpdir(), 'checkpoint-names-'))
after(() => rmSync(home, { recursive: true, force: true }))
let folders = 0
const newFolder = () => join(home, String(folders++), 'output')
const text = (...path: string[]) => readFileSync(join(...path), 'utf8')
const manifestOf = (folder: string) => join(folder, '.checkpoint/manifest.json')
const refused = (message: RegExp) => ({ code: 'ERR_CHECKPOINT_WRITE', message })

let endIntercept = () => {}
afterEach(() => {
  endIntercept()
  endIntercept = () => {}
})

/** A folder whose next part is number 1. */
function folderWithPart(): string {
  const folder = newFolder()
  const output = FileCheckpoint.openSync<State>(folder)
  output.writeSync('part 0')
  output.commitSync(() => ({ next: 1 }))
  output.closeSync()
  return folder
}

/** As releases before this one left it: committed under a name that cannot be given. */
function damagedFolder(name: string): string {
  const folder = folderWithPart()
  const manifest = JSON.parse(text(manifestOf(folder)))
  const temp = '0123456789abcdef-7.txt'
  writeFileSync(join(folder, '.checkpoint', temp), 'kept')
  writeFileSync(manifestOf(folder), JSON.stringify({ ...manifest, files: [{ temp, name }] }))
  return folder
}

/** Without the warnings that tell of it, which are given. */
function warned<T>(work: () => T): { result: T; warnings: string[] } {
  const warnings: string[] = []
  const original = process.emitWarning
  process.emitWarning = ((message: string) =>
    void warnings.push(message)) as typeof process.emitWarning
  try {
    return { result: work(), warnings }
  } finally {
    process.emitWarning = original
  }
}

describe('a name of a file that cannot be given', () => {
  const cases: readonly (readonly [
    what: string,
    name: string,
    make: (folder: string) => void,
    RegExp,
  ])[] = [
    ['above 255 bytes', `${'t'.repeat(300)}.json`, () => {}, /ENAMETOOLONG/],
    ['above 255 bytes in UTF-8 only', 'é'.repeat(140), () => {}, /ENAMETOOLONG/],
    ['with a folder above 255 bytes', `a/${'t'.repeat(300)}/b`, () => {}, /ENAMETOOLONG/],
    [
      'above the length of paths',
      Array(30).fill('n'.repeat(200)).join('/'),
      () => {},
      /ENAMETOOLONG/,
    ],
    [
      'of a folder',
      'images',
      (folder) => mkdirSync(join(folder, 'images')),
      /there is a folder of this name/,
    ],
    ['under a file', 'a/b', (folder) => writeFileSync(join(folder, 'a'), ''), /"a" is no folder/],
    [
      'under a link that leads out',
      'link/b',
      (folder) => symlinkSync(home, join(folder, 'link')),
      /"link" is a link that leads out of the folder/,
    ],
    ['of a part that is committed', 'part-00000000', () => {}, /belongs to part 0/],
    ['of the part that is next', 'part-00000001', () => {}, /belongs to part 1/],
    ['of a later part', 'part-00000777', () => {}, /belongs to part 777/],
    ['under the name of a part', 'part-00000002/x', () => {}, /belongs to part 2/],
  ]
  for (const [what, name, make, message] of cases) {
    it(`${what}, is refused when the file is made, and nothing else is: in both forms`, async () => {
      const folder = folderWithPart()
      make(folder)
      const output = await FileCheckpoint.open<State>(folder)
      await output.write('part 1')
      await assert.rejects(output.writeFile(name, 'x'), refused(message))
      assert.throws(() => output.writeFileSync(name, 'x'), refused(message))
      assert.throws(
        () => output.writeFileSync(name, (path) => writeFileSync(path, 'x')),
        refused(message),
      )
      await output.writeFile('good', 'good')
      await output.commit(() => ({ next: 2 }))
      await output.close()
      const again = await FileCheckpoint.open<State>(folder)
      assert.deepEqual([again.state, again.parts, again.unplaced], [{ next: 2 }, 2, []])
      await again.close()
      assert.deepEqual(
        [text(folder, 'part-00000000'), text(folder, 'part-00000001')],
        ['part 0', 'part 1'],
      )
      assert.deepEqual(readdirSync(join(folder, '.checkpoint')).sort(), ['manifest.json', 'owner'])
      assert.ok(!existsSync(join(home, 'b')))
    })
  }

  it('is refused where a file of the same commit is in the way, unless that was not made', async () => {
    const output = await FileCheckpoint.open<State>(newFolder())
    await output.writeFile('a/b', 'x')
    await output.writeFile('c', 'x')
    await assert.rejects(
      output.writeFile('a', 'x'),
      refused(/it is a folder that a file of the same commit/),
    )
    assert.throws(
      () => output.writeFileSync('c/d', 'x'),
      refused(/"c" is a file of the same commit/),
    )
    const failing = () => {
      throw new Error('on purpose')
    }
    assert.throws(() => output.writeFileSync('d/e', failing), /on purpose/)
    await output.writeFile('d', 'x')
    await output.commit(() => ({ next: 1 }))
    await output.close()
    assert.deepEqual(readdirSync(output.directory).sort(), ['.checkpoint', 'a', 'c', 'd'])
  })

  it('is refused where names that differ in case only are the same', () => {
    const folder = newFolder()
    // As file systems of macOS and Windows answer.
    endIntercept = interceptFs(({ name, args, perform }) => {
      const path = String(args[0])
      if (name === 'lstat' && path.endsWith('OWNER')) return { isDirectory: () => false }
      if (name === 'lstat' && path.endsWith('/CAT.png') && existsSync(join(folder, 'cat.png')))
        return { isDirectory: () => false }
      return perform()
    })
    const output = FileCheckpoint.openSync<State>(folder)
    output.writeFileSync('cat.png', 'x')
    assert.throws(
      () => output.writeFileSync('CAT.png', 'x'),
      refused(/takes it for "cat.png", a file of the/),
    )
    output.commitSync(() => ({ next: 1 }))
    assert.throws(
      () => output.writeFileSync('CAT.png', 'x'),
      refused(/takes it for "cat.png", which is there/),
    )
    output.writeFileSync('cat.png', 'new')
    output.commitSync(() => ({ next: 2 }))
    output.closeSync()
    assert.equal(text(folder, 'cat.png'), 'new')
  })

  for (const form of ['commit', 'commitSync'] as const) {
    it(`because of what came in its way since, is refused before anything is committed: ${form}`, async () => {
      const folder = folderWithPart()
      const output = await FileCheckpoint.open<State>(folder)
      await output.write('part 1')
      await output.writeFile('late', 'x')
      mkdirSync(join(folder, 'late'))
      const commit = async () => output[form](() => ({ next: 2 }))
      await assert.rejects(commit, refused(/"late" cannot be the name of a file: EISDIR/))
      await output.close()
      const again = await FileCheckpoint.open<State>(folder)
      assert.deepEqual([again.state, again.parts], [{ next: 1 }, 1])
      await again.close()
    })
  }

  it('as every name in a folder that may not be written, is refused before anything is committed', () => {
    const folder = folderWithPart()
    const output = FileCheckpoint.openSync<State>(folder)
    output.writeFileSync('there/a', 'x')
    endIntercept = interceptFs(({ name, args, perform }) => {
      if (name === 'access' && String(args[0]).endsWith('there'))
        throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
      return perform()
    })
    assert.throws(() => output.commitSync(() => ({ next: 2 })), refused(/"there\/a" .*EACCES/))
    endIntercept()
    output.closeSync()
    assert.deepEqual(FileCheckpoint.openSync<State>(folder).state, { next: 1 })
  })

  it('of a part whose number is not to be read in it is known all the same', () => {
    const folder = newFolder()
    const letters = (n: number) =>
      `p-${[...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}`
    const output = FileCheckpoint.openSync<State>(folder, { partName: letters })
    output.writeSync('0')
    output.commitSync(() => ({ next: 1 }))
    assert.throws(() => output.writeFileSync('p-a', 'x'), refused(/belongs to part 0/))
    assert.throws(() => output.writeFileSync('p-b', 'x'), refused(/belongs to part 1/))
    // A later one's is not known; it is found out when its turn comes.
    output.writeFileSync('p-d', 'by name')
    for (const next of [2, 3]) {
      output.writeSync(`part ${next}`)
      output.commitSync(() => ({ next }))
    }
    output.writeSync('part 3')
    assert.throws(() => output.commitSync(() => ({ next: 4 })), {
      code: 'ERR_BAD_CHECKPOINT',
      message: /holds "p-d", which the next part would overwrite/,
    })
    output.closeSync()
    assert.deepEqual([text(folder, 'p-a'), text(folder, 'p-d')], ['0', 'by name'])
    renameSync(join(folder, 'p-d'), join(folder, 'other'))
    assert.deepEqual(FileCheckpoint.openSync<State>(folder, { partName: letters }).state, {
      next: 3,
    })
  })
})

describe('a folder with a committed file that cannot get its name', () => {
  it('is gone on with; the file is told, kept over commits, and gets its name once it can', async () => {
    const folder = damagedFolder('images')
    mkdirSync(join(folder, 'images'))
    const path = join(folder, '.checkpoint/0123456789abcdef-7.txt')
    for (let next = 2; next < 5; next++) {
      const { result: output, warnings } = warned(() => FileCheckpoint.openSync<State>(folder))
      assert.match(
        String(warnings),
        /"images" was committed and cannot be renamed \(EISDIR.*it is kept as/,
      )
      assert.deepEqual(
        output.unplaced.map(({ cause: _, ...file }) => file),
        [{ name: 'images', path }],
      )
      assert.deepEqual(output.state, { next: next - 1 })
      output.writeSync(`part ${next}`)
      output.commitSync(() => ({ next }))
      output.closeSync()
      assert.equal(text(path), 'kept')
    }
    rmSync(join(folder, 'images'), { recursive: true })
    const last = await FileCheckpoint.open<State>(folder)
    assert.deepEqual([last.state, last.unplaced], [{ next: 4 }, []])
    await last.close()
    assert.equal(text(folder, 'images'), 'kept')
    assert.ok(!existsSync(path))
  })

  it('forgets the file when another is committed under its name', () => {
    const folder = damagedFolder('images')
    mkdirSync(join(folder, 'images'))
    const { result: output } = warned(() => FileCheckpoint.openSync<State>(folder))
    rmSync(join(folder, 'images'), { recursive: true })
    output.writeFileSync('images', 'newer')
    output.commitSync(() => ({ next: 2 }))
    assert.deepEqual(output.unplaced, [])
    output.closeSync()
    FileCheckpoint.openSync<State>(folder).closeSync()
    assert.equal(text(folder, 'images'), 'newer')
    assert.deepEqual(readdirSync(join(folder, '.checkpoint')).sort(), ['manifest.json', 'owner'])
  })

  it('keeps it wherever the next run ends', () => {
    let count = 1
    for (let didEnd = true; didEnd; count++) {
      const folder = damagedFolder('t'.repeat(300))
      let calls = 0
      didEnd = false
      endIntercept = interceptFs(({ name, perform }) => {
        if (++calls >= count) {
          didEnd = true
          throw never
        }
        return name === 'fsync' ? undefined : perform()
      })
      warned(() => {
        try {
          const output = FileCheckpoint.openSync<State>(folder)
          output.writeSync('part 1')
          output.writeFileSync('a b', 'x')
          output.commitSync(() => ({ next: 2 }))
          output.closeSync()
        } catch (error) {
          assert.equal(didEnd, true, String(error))
        }
      })
      endIntercept()
      endIntercept = interceptFs(({ name, perform }) => (name === 'fsync' ? undefined : perform()))
      const { result: output } = warned(() => FileCheckpoint.openSync<State>(folder))
      endIntercept()
      assert.equal(output.unplaced.length, 1)
      assert.equal(text(output.unplaced[0]?.path as string), 'kept')
      output.closeSync()
    }
    assert.ok(count > 30, `only ${count} calls`)
  })

  it('gets a name whose folder was taken away', () => {
    const folder = damagedFolder('a/b/c.txt')
    FileCheckpoint.openSync<State>(folder).closeSync()
    assert.equal(text(folder, 'a/b/c.txt'), 'kept')
  })
})

describe('a manifest', () => {
  it('that names files outside of the folder is refused, and nothing is done', async () => {
    const outside = [
      '../../x',
      '/tmp/x',
      'a/../../x',
      'a\0b',
      '',
      '.',
      '.checkpoint/manifest.json',
      '.Checkpoint/x',
    ]
    for (const name of outside) {
      const folder = damagedFolder(name)
      const message = /`files\[0\]\.name` is no name inside of the folder/
      await assert.rejects(FileCheckpoint.open(folder), { code: 'ERR_BAD_CHECKPOINT', message })
      assert.throws(() => FileCheckpoint.openSync(folder), { code: 'ERR_BAD_CHECKPOINT', message })
      await assert.rejects(readFileState(folder), { code: 'ERR_BAD_CHECKPOINT', message })
      assert.ok(existsSync(join(folder, '.checkpoint/0123456789abcdef-7.txt')))
    }
    for (const temp of ['..', '.', '', 'manifest.json', 'owner', 'a/b', '..\\x']) {
      const folder = damagedFolder('fine')
      const manifest = JSON.parse(text(manifestOf(folder)))
      writeFileSync(
        manifestOf(folder),
        JSON.stringify({ ...manifest, files: [{ temp, name: 'fine' }] }),
      )
      await assert.rejects(FileCheckpoint.open(folder), { code: 'ERR_BAD_CHECKPOINT' })
    }
  })

  it('that names a file under a link out of the folder has it kept, not moved there', () => {
    const folder = damagedFolder('link/x')
    const elsewhere = join(folder, '../elsewhere')
    mkdirSync(elsewhere)
    symlinkSync(elsewhere, join(folder, 'link'))
    const { result: output } = warned(() => FileCheckpoint.openSync<State>(folder))
    assert.equal(output.unplaced[0]?.name, 'link/x')
    output.closeSync()
    assert.deepEqual(readdirSync(elsewhere), [])
  })

  it('of a work folder that is a link is not taken', () => {
    const folder = folderWithPart()
    renameSync(join(folder, '.checkpoint'), join(folder, '../away'))
    symlinkSync(join(folder, '../away'), join(folder, '.checkpoint'))
    assert.throws(() => FileCheckpoint.openSync(folder), { code: 'ERR_BAD_CHECKPOINT' })
  })

  it('that is older than the parts beside it is refused, at every open', async () => {
    const folder = folderWithPart()
    const old = text(manifestOf(folder))
    const output = FileCheckpoint.openSync<State>(folder)
    for (const next of [2, 3]) {
      output.writeSync(`part ${next}`)
      output.commitSync(() => ({ next }))
    }
    output.closeSync()
    const young = text(manifestOf(folder))
    writeFileSync(manifestOf(folder), old)
    const older = {
      code: 'ERR_BAD_CHECKPOINT',
      message:
        /has a manifest of 1 parts, but holds "part-00000001", which the next part would overwrite/,
    }
    await assert.rejects(FileCheckpoint.open(folder), older)
    assert.throws(() => FileCheckpoint.openSync(folder), older)
    writeFileSync(manifestOf(folder), young)
    assert.deepEqual(FileCheckpoint.openSync<State>(folder).state, { next: 3 })
  })

  it('whose counts or state cannot be is refused', async () => {
    const folder = folderWithPart()
    const good = JSON.parse(text(manifestOf(folder)))
    for (const change of [
      { parts: 2 },
      { state: [] },
      { state: 'x' },
      { commits: 1e300 },
      { files: [null] },
    ]) {
      writeFileSync(manifestOf(folder), JSON.stringify({ ...good, ...change }))
      await assert.rejects(FileCheckpoint.open(folder), { code: 'ERR_BAD_CHECKPOINT' })
      await assert.rejects(readFileState(folder), { code: 'ERR_BAD_CHECKPOINT' })
    }
  })
})

describe('a state that is no object as JSON', () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  const failing = {
    toJSON: () => {
      throw new Error('on purpose')
    },
  }
  const states = [
    new Date(0),
    { toJSON: () => undefined },
    { toJSON: () => [1] },
    { toJSON: () => null },
    { n: 1n },
    cyclic,
    failing,
  ]
  it('is refused by the commit, which does no harm: in both forms', async () => {
    const folder = folderWithPart()
    const output = await FileCheckpoint.open<any>(folder)
    await output.write('part 1')
    for (const state of states) {
      const rule = { code: 'ERR_BAD_OPTION', message: /`state\(\)` must be an object/ }
      await assert.rejects(
        output.commit(() => state),
        rule,
      )
      assert.throws(() => output.commitSync(() => state), rule)
    }
    await output.commit(() => ({ next: 2, toJSON: undefined }))
    await output.close()
    const again = await FileCheckpoint.open<State>(folder)
    assert.deepEqual([again.state, again.parts], [{ next: 2 }, 2])
    await again.close()
  })

  it('is refused by the commit of a database, which is rolled back', () => {
    for (const state of states) {
      const calls: string[] = []
      const output = new SqliteCheckpoint<any>(
        databaseOf({ commits: 1, state: '{"next":1}' }, calls),
      )
      assert.throws(() => output.commit(() => state), { code: 'ERR_BAD_OPTION' })
      assert.deepEqual(calls, ['BEGIN IMMEDIATE', 'ROLLBACK'])
    }
  })

  it('in a database is refused when it is read', () => {
    for (const row of [
      { commits: 1, state: '7' },
      { commits: 1, state: '[]' },
      { commits: 1, state: 'null' },
      { commits: -1, state: '{}' },
      { commits: 0.5, state: '{}' },
    ])
      assert.throws(() => new SqliteCheckpoint(databaseOf(row, [])), { code: 'ERR_BAD_CHECKPOINT' })
  })
})

/** A database with one row, which notes transactions. */
function databaseOf(row: object, calls: string[]): SqliteDatabase {
  return {
    exec: (sql) => {
      if (!sql.startsWith('CREATE')) calls.push(sql)
    },
    prepare: () => ({ run: () => calls.push('INSERT'), get: () => row }),
  }
}
