import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { fromFiles, fromManifest, ImageFolder, listFiles, readFile } from 'spindle/source'

const folder = mkdtempSync(join(tmpdir(), 'hostile-files-'))
const cat = join(folder, 'cat')
const place = (name: string): string => join(cat, name)
const server = createServer()
let hasPipe = false

before(async () => {
  mkdirSync(cat)
  writeFileSync(place('1.png'), 'one')
  symlinkSync(place('1.png'), place('link.png'))
  symlinkSync('/dev/zero', place('zero.png'))
  symlinkSync(folder, place('folder.png'))
  symlinkSync(place('nothing'), place('nowhere.png'))
  hasPipe = spawnSync('mkfifo', [place('pipe.png')]).status === 0
  symlinkSync(place('pipe.png'), place('pipe-link.png'))
  server.listen(place('socket.png'))
  await once(server, 'listening')
})
after(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

async function names(directory: string, options = {}): Promise<string[]> {
  const found: string[] = []
  for await (const path of listFiles(directory, options))
    found.push(path.slice(directory.length + 1))
  return found
}

describe('pipes, sockets, devices and links to them', () => {
  it('are not listed; a link that leads nowhere is, as reading it says so', async () => {
    // Without `mkfifo` the link to the pipe leads nowhere.
    const wanted = ['1.png', 'link.png', 'nowhere.png', ...(hasPipe ? [] : ['pipe-link.png'])]
    assert.deepEqual(await names(cat), wanted)
    assert.deepEqual(await names(cat, { match: '*.png' }), wanted)
    assert.deepEqual([...(await fromFiles(cat))].length, wanted.length)
    assert.deepEqual(
      await names(folder, { recursive: true }),
      wanted.map((name) => `cat/${name}`),
    )
    for (const images of [await ImageFolder.open(folder), new ImageFolder(folder)])
      assert.deepEqual(
        [...images].map(({ path }) => path),
        [place('1.png')],
      )
  })

  it('are refused by readFile and fromManifest, and never waited for', async () => {
    const irregular = ['socket.png', 'zero.png', ...(hasPipe ? ['pipe.png', 'pipe-link.png'] : [])]
    const refusal = { code: 'ERR_READ', message: /is not a regular file but/ }
    for (const name of irregular) {
      await assert.rejects(readFile(place(name)), refusal)
      await assert.rejects(fromManifest(place(name), { format: 'jsonl' }), refusal)
    }
    await assert.rejects(readFile(folder), { code: 'EISDIR' })
    assert.equal((await readFile(place('link.png'))).toString(), 'one')
  })
})

describe('readFile', () => {
  it('tells of a file of 2 GiB before it reads it, and of a name that is not UTF-8', async () => {
    const huge = join(folder, 'huge.bin')
    writeFileSync(huge, '')
    truncateSync(huge, 2 ** 31)
    await assert.rejects(readFile(huge), { code: 'ERR_TOO_LARGE', message: /has 2147483648 bytes/ })
    await assert.rejects(readFile(join(folder, '\ufffd.png')), {
      code: 'ENOENT',
      message: /A name that is not UTF-8 .* rename the file/,
    })
  })

  it('tells no secret of a URL that was given as a path', async () => {
    for (const [read, message] of [
      [readFile, /a string is read as a path/],
      [(path: string) => fromManifest(path, { format: 'csv' }), /without user name and password/],
    ] as const)
      await assert.rejects(read('https://me:S3CRET@example.org/x.csv?key=S3CRET'), (error) => {
        assert.doesNotMatch(inspect(error), /S3CRET/)
        assert.match((error as Error).message, message)
        return true
      })
  })

  it('reads files of the system, which have no size, and files that are empty', async () => {
    writeFileSync(join(folder, 'empty'), '')
    assert.equal((await readFile(join(folder, 'empty'))).length, 0)
    if (process.platform === 'linux') assert.ok((await readFile('/proc/self/status')).length > 0)
  })
})

describe('patterns of names', () => {
  it('take no longer for a name that was made to take long', async () => {
    const long = join(folder, 'long')
    mkdirSync(long)
    writeFileSync(join(long, `${'_'.repeat(250)}.png`), '')
    const slow = [
      '*_*_*_*_*_*_*_*.jpg',
      '**/*_*_*_*_*_*/**',
      '{*_,*__,*___}*{*_,*__}*{*_,*__}.jpg',
      '*'.repeat(1000),
    ]
    const started = performance.now()
    for (const match of slow) await names(long, { match })
    // A regular expression takes minutes.
    assert.ok(performance.now() - started < 10_000)
  })

  it('fit as before: stars, folders, braces in braces, brackets and escapes', async () => {
    const root = join(folder, 'patterns')
    const files = [
      'a.jpg',
      'ab.jpg',
      'd/a.jpg',
      'd/e/a.jpg',
      'x[1].png',
      'é.jpg',
      '𝄞.jpg',
      'a-b.txt',
    ]
    mkdirSync(join(root, 'd', 'e'), { recursive: true })
    for (const file of files) writeFileSync(join(root, file), '')
    const cases: [string, string[]][] = [
      ['*.jpg', ['a.jpg', 'ab.jpg', 'é.jpg', '𝄞.jpg']],
      ['?.jpg', ['a.jpg', 'é.jpg', '𝄞.jpg']],
      ['**/a.jpg', ['a.jpg', 'd/a.jpg', 'd/e/a.jpg']],
      ['d/**', ['d/a.jpg', 'd/e/a.jpg']],
      ['d/**/e/*', ['d/e/a.jpg']],
      ['**', files],
      ['{a,{ab,x\\[1\\]}}.{jpg,png}', ['a.jpg', 'ab.jpg', 'x[1].png']],
      ['{d/,}a.jpg', ['a.jpg', 'd/a.jpg']],
      ['[!a-c].jpg', ['é.jpg', '𝄞.jpg']],
      ['a[-+]b.txt', ['a-b.txt']],
      ['a**b.jpg', ['ab.jpg']],
      ['[à-ÿ].jpg', ['é.jpg']],
    ]
    for (const [match, wanted] of cases)
      assert.deepEqual(
        new Set(await names(root, { match, recursive: true })),
        new Set(wanted),
        match,
      )
    for (const match of ['[z-a]', '[a', '{a,b', '{'.repeat(100_000)])
      await assert.rejects(names(root, { match }), {
        code: 'ERR_BAD_OPTION',
        message: /`match` must be a pattern/,
      })
  })
})

describe('manifests', () => {
  const write = (name: string, text: string | Uint8Array): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  it('look at each byte once, however long a record is', async () => {
    // 32 MiB behind a stray quote, and one line of JSON as long: seconds, where all is scanned anew
    // with every piece.
    const rest = 'a,b\n'.repeat(8 * 1024 ** 2)
    const csv = write('stray.csv', `x,y\n"${rest}`)
    const jsonl = write('long.jsonl', `{}\n${' '.repeat(32 * 1024 ** 2)}1`)
    const started = performance.now()
    assert.equal((await fromManifest(csv)).size, 1)
    assert.equal((await fromManifest(jsonl)).size, 2)
    assert.ok(performance.now() - started < 20_000)
  })

  it('find the same records wherever pieces are cut', async () => {
    const filler = 'f'.repeat(1000)
    const rows: string[][] = []
    for (let i = 0; i < 3000; i++)
      rows.push([
        `${i} "quoted", and\nbroken`,
        i % 3 === 0 ? '"' : filler,
        `a"b${'x'.repeat(i % 7)}`,
      ])
    const text = rows
      .map(([a, b, c]) => `"${a!.replaceAll('"', '""')}","${b!.replaceAll('"', '""')}",${c}\n`)
      .join('')
    const manifest = await fromManifest(write('cut.csv', `a,b,c\n${text}`))
    assert.equal(manifest.size, rows.length)
    let index = 0
    for await (const row of manifest) assert.deepEqual(Object.values(row), rows[index++])
    assert.equal(index, rows.length)
  })

  it('of other compressions are refused by name, and nothing of them is printed', async () => {
    const packed = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4])
    const refusal = (error: unknown): boolean => {
      assert.match((error as Error).message, /is compressed with xz; gzip and zstd are read/)
      assert.doesNotMatch((error as Error).message, /\p{Cc}/u)
      return (error as { code: string }).code === 'ERR_BAD_SOURCE'
    }
    await assert.rejects(fromManifest(write('a.jsonl.xz', packed)), refusal)
    await assert.rejects(fromManifest(write('b.jsonl', packed)), refusal)
    await assert.rejects(fromManifest(write('c', packed), { format: 'csv' }), refusal)
  })

  it('print nothing that does something to a terminal', async () => {
    const manifest = await fromManifest(write('binary.jsonl', '\u001b[2J\u0007\u009b not JSON\n'))
    await assert.rejects(
      async () => {
        for await (const _ of manifest);
      },
      (error) => !/\p{Cc}/u.test((error as Error).message),
    )
  })
})
