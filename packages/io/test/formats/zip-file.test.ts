import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { iterateZip, MediaError, TarIndex, ZipFile } from '../../src/index.ts'
import { ZipFileSync } from '../../src/sync.ts'
import { ARCHIVES, archive, EXPECTED_ZIPS } from './tar-support.ts'
import { extraField, unicodePath, type ZipInput, zipOf } from './zip-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'zip-file-'))
after(() => rmSync(folder, { recursive: true }))
const sha1 = (data: Uint8Array): string => createHash('sha1').update(data).digest('hex')
const text = (data: Uint8Array): string => Buffer.from(data).toString()

async function readAll(source: Parameters<typeof iterateZip>[0], options = {}): Promise<object[]> {
  const members: object[] = []
  for await (const { path, size, compressedSize, data } of iterateZip(source, options))
    members.push({ path, size, compressedSize, sha1: sha1(data) })
  return members
}

function readAllSync(source: string | Uint8Array): object[] {
  using zip = ZipFileSync.open(source)
  return zip.paths().map((_, number) => {
    const { path, size, compressedSize } = zip.entry(number)
    return { path, size, compressedSize, sha1: sha1(zip.read(number)) }
  })
}

describe('zip archives of Python and bsdtar', () => {
  for (const [name, expected] of Object.entries(EXPECTED_ZIPS)) {
    it(`${name} is what Python reads in it`, async () => {
      const path = ARCHIVES + name
      for (const source of [
        path,
        pathToFileURL(path),
        archive(name),
        new Blob([archive(name)]),
        await openAsBlob(path),
      ])
        assert.deepEqual(await readAll(source), expected)
      assert.deepEqual(readAllSync(path), expected)
      assert.deepEqual(readAllSync(archive(name)), expected)
      await using zip = await ZipFile.open(path)
      assert.equal(zip.length, expected.length)
      for (const member of expected) assert.equal(sha1(await zip.read(member.path)), member.sha1)
    })
  }
})

describe('ZipFile', () => {
  it('reads many at a time, by path and number', async () => {
    await using zip = await ZipFile.open(`${ARCHIVES}odd.zip`)
    const wanted = Array.from({ length: 200 }, (_, i) => (i * 5) % zip.length)
    const many = await zip.readMany(
      wanted.map((number) => (number % 2 === 0 ? number : zip.paths()[number]!)),
      { concurrency: 32 },
    )
    for (const [i, number] of wanted.entries())
      assert.equal(sha1(many[i]!), EXPECTED_ZIPS['odd.zip']![number]!.sha1)
    await using tar = await TarIndex.open(`${ARCHIVES}pets.tar`, { indexFile: false })
    for (const [files, bytes] of [
      [zip, zip.paths().reduce((sum, path) => sum + zip.entry(path).size, 0)],
      [tar, 9],
    ] as const) {
      const all = (maxResultBytes?: number) =>
        files.readMany(files.paths(), maxResultBytes === undefined ? {} : { maxResultBytes })
      for (const limit of [undefined, bytes, Infinity])
        assert.equal((await all(limit)).length, files.length)
      await assert.rejects(all(bytes - 1), {
        code: 'ERR_TOO_LARGE',
        message: new RegExp(
          `have ${bytes} bytes together, more than \`maxResultBytes\` \\(${bytes - 1}\\)`,
        ),
      })
      await assert.rejects(all(0), { code: 'ERR_BAD_OPTION', message: /maxResultBytes/ })
    }
  })

  it('stored data of memory are views, everything else has memory of its own', async () => {
    const bytes = archive('odd.zip')
    await using zip = await ZipFile.open(bytes)
    assert.equal((await zip.read('one.bin')).buffer, bytes.buffer)
    for (const data of [
      await zip.read('no-extension'),
      ...(await (await ZipFile.open(`${ARCHIVES}odd.zip`)).readMany(['one.bin', 'no-extension'])),
    ]) {
      assert.equal(data.constructor, Uint8Array)
      structuredClone(data, { transfer: [data.buffer as ArrayBuffer] })
    }
    const shared = new SharedArrayBuffer(bytes.length)
    new Uint8Array(shared).set(bytes)
    await using of = await ZipFile.open(shared)
    using sync = ZipFileSync.open(shared)
    for (const name of ['one.bin', 'no-extension']) {
      assert.equal(sha1(await of.read(name)), sha1(await zip.read(name)))
      assert.equal(sha1(sync.read(name)), sha1(await zip.read(name)))
    }
  })

  it('read ahead from a file: right with and without `reuse`, in memory of their own without', async () => {
    const path = join(folder, 'ahead.zip')
    const sizes = [10, 300_000, 0, 70_000, 5, 600_000, 20_000, 20_000, 20_000, 1]
    const fill = (i: number): Buffer => Buffer.alloc(sizes[i]!, `member ${i};`)
    const inputs = sizes.map((_, i) => ({ name: `${i}`, data: fill(i), isDeflated: i % 3 === 1 }))
    writeFileSync(path, zipOf(inputs))
    for (const reuse of [false, true]) {
      const kept: Uint8Array[] = []
      let number = 0
      for await (const { path: name, data } of iterateZip(path, { reuse })) {
        assert.equal(name, `${number}`)
        assert.ok(fill(number++).equals(data), name)
        kept.push(data)
      }
      assert.equal(number, sizes.length)
      if (reuse) continue
      for (const [i, data] of kept.entries()) {
        assert.ok(fill(i).equals(data))
        if (data.length > 0) structuredClone(data, { transfer: [data.buffer as ArrayBuffer] })
      }
      assert.ok(kept.every((data) => data.length === 0))
    }
    const wanted = new Set(['8', '3'])
    const filter = (entry: { path: string }): boolean => wanted.has(entry.path)
    for await (const { path: name, data } of iterateZip(path, { filter }))
      assert.ok(fill(Number(name)).equals(data))
  })

  it('filters without reading', async () => {
    const names = (
      await readAll(`${ARCHIVES}odd.zip`, {
        filter: ({ size }: { size: number }) => size > 600,
        maxMemberBytes: 5000,
      })
    ).map((member) => (member as { path: string }).path)
    assert.deepEqual(names, ['no-extension', 'folder/deep/text.txt'])
    await assert.rejects(readAll(`${ARCHIVES}odd.zip`, { filter: async () => false }), {
      code: 'ERR_BAD_OPTION',
      message: /returns true or false/,
    })
  })

  it('names archive and member in what goes wrong', async () => {
    const path = `${ARCHIVES}odd.zip`
    await using zip = await ZipFile.open(path, { maxMemberBytes: 3000 })
    await assert.rejects(zip.read('cow'), {
      name: 'ArchiveError',
      code: 'ERR_NO_MEMBER',
      source: path,
      message: `${path}: has no file "cow" among its 7`,
    })
    await assert.rejects(zip.read(7), {
      code: 'ERR_NO_MEMBER',
      message: /has no file number 7: it has 7/,
    })
    await assert.rejects(zip.read('folder/deep/text.txt'), {
      code: 'ERR_TOO_LARGE',
      member: 'folder/deep/text.txt',
      message: /has 5000 bytes, more than `maxMemberBytes` \(3000\)/,
    })
    for (const member of [-1, 1.5, undefined])
      await assert.rejects(zip.read(member as number), {
        code: 'ERR_BAD_OPTION',
        message: /`member` must be a path or an integer >= 0/,
      })
    const damaged = archive('pets.zip')
    damaged[damaged.indexOf('woof!')]! ^= 1
    await assert.rejects(readAll(damaged), {
      name: 'ArchiveError',
      code: 'ERR_DECODE',
      member: 'pets/dog.txt',
      message: /: member "pets\/dog\.txt": its checksum is /,
    })
    assert.equal(
      text(await ZipFile.open(damaged, { verify: false }).then((open) => open.read(1))),
      'voof!',
    )
    await assert.rejects(readAll(archive('pets.tar')), {
      code: 'ERR_DECODE',
      message: /not a zip file/,
    })
    await assert.rejects(readAll(new Uint8Array(0)), {
      code: 'ERR_DECODE',
      message: '0 bytes: is empty',
    })
    await assert.rejects(readAll(join(folder, 'none.zip')), { code: 'ERR_READ', message: /ENOENT/ })
    assert.throws(() => ZipFileSync.open(new Blob([])), { code: 'ERR_BAD_OPTION' })
    for (const options of [
      { verify: 1 },
      { maxMemberBytes: 0 },
      { maxMemberBytes: 2 ** 33 },
      { filter: 1 },
      { reuse: 1 },
      { password: 'x' },
      { signal: 1 },
    ])
      assert.throws(() => iterateZip(path, options as object), { code: 'ERR_BAD_OPTION' })
  })

  it('an encrypted member and one of another method are refused by name', async () => {
    const local = archive('pets.zip')
    const directory = local.indexOf('PK\x01\x02')
    local.writeUInt16LE(1, directory + 8)
    await assert.rejects(readAll(local), {
      code: 'ERR_UNSUPPORTED',
      member: 'pets/cat.txt',
      message: /is encrypted/,
    })
    local.writeUInt16LE(0, directory + 8)
    local.writeUInt16LE(93, directory + 10)
    await assert.rejects(readAll(local), {
      code: 'ERR_UNSUPPORTED',
      message: /is compressed with Zstandard, which is not supported/,
    })
  })

  it('waits for reads when it is closed, and refuses later ones; a signal ends it', async () => {
    const zip = await ZipFile.open(`${ARCHIVES}odd.zip`)
    const reads = zip.paths().map((_, number) => zip.read(number))
    await zip.close()
    assert.deepEqual(
      (await Promise.all(reads)).map(sha1),
      EXPECTED_ZIPS['odd.zip']!.map((member) => member.sha1),
    )
    await assert.rejects(zip.read(0), { code: 'ERR_BAD_STATE' })
    const reason = { stop: true }
    const isReason = (error: unknown): boolean => error === reason
    await assert.rejects(
      ZipFile.open(`${ARCHIVES}odd.zip`, { signal: AbortSignal.abort(reason) }),
      isReason,
    )
    await using other = await ZipFile.open(`${ARCHIVES}odd.zip`)
    await assert.rejects(other.read(0, { signal: AbortSignal.abort(reason) }), isReason)
    await assert.rejects(
      readAll(`${ARCHIVES}odd.zip`, { signal: AbortSignal.abort(reason) }),
      isReason,
    )
    const controller = new AbortController()
    await assert.rejects(async () => {
      for await (const _ of iterateZip(`${ARCHIVES}odd.zip`, { signal: controller.signal }))
        controller.abort(reason)
    }, isReason)
  })
})

describe('zip archives of others', () => {
  const namesOf = (members: readonly ZipInput[]): string[] => {
    const bytes = zipOf(members)
    using zip = ZipFileSync.open(bytes)
    for (const number of zip.paths().keys()) assert.equal(text(zip.read(number)), 'data')
    return [...zip.paths()]
  }

  it('names are UTF-8 where they can be, else in code page 437; the Unicode path field counts if it belongs to them', () => {
    const utf8 = 'résumé 世界.txt'
    const cp437 = Buffer.from([0x82, 0x2e, 0x74]) // é.t
    const mangled = Buffer.from('???.txt')
    const path = '七个房间.txt'
    const field = unicodePath(mangled, path)
    const ofAnother = unicodePath(Buffer.from('?.txt'), path)
    const cases: [string, Partial<ZipInput>][] = [
      [utf8, { name: utf8 }],
      [utf8, { name: utf8, flags: 0x800 }],
      ['é.t', { name: cp437 }],
      ['é.t', { name: cp437, flags: 0x800 }],
      [path, { name: mangled, extra: field }],
      [
        path,
        {
          name: mangled,
          extra: Buffer.concat([extraField(0x5455, Buffer.alloc(5)), ofAnother, field]),
        },
      ],
      ['???.txt', { name: mangled, extra: ofAnother }],
      ['???.txt', { name: mangled, extra: unicodePath(mangled, path, 2) }],
      ['???.txt', { name: mangled, extra: field.subarray(0, 12) }],
      [path, { name: '', extra: unicodePath(Buffer.alloc(0), path), flags: 0x800 }],
    ]
    for (const [expected, member] of cases)
      assert.deepEqual(namesOf([member as ZipInput]), [expected])
  })

  it('backslashes of Windows are slashes, those of others letters; a folder may end with one', () => {
    for (const system of [0, 10, 14])
      assert.deepEqual(
        namesOf([
          { name: 'a\\b.txt', system },
          { name: 'a\\c\\', system },
        ]),
        ['a/b.txt'],
      )
    assert.deepEqual(namesOf([{ name: 'a\\b.txt' }]), ['a\\b.txt'])
    assert.deepEqual(namesOf([{ name: 'a/b\\c', system: 0 }]), ['a/b\\c'])
  })

  it('a header in front of the data may have another name and other fields', () => {
    const others = [
      { localName: 'b' },
      { localName: 'much/longer.txt' },
      { localExtra: Buffer.alloc(40) },
    ]
    for (const other of others)
      assert.deepEqual(namesOf([{ name: 'a\\txt', ...other }, { name: 'end' }]), ['a\\txt', 'end'])
  })

  it('something in front, behind, or in the comment, zip64 or not', async () => {
    const fake = 'PK\x05\x06 and PK\x06\x07'
    const members = [{ name: 'a' }, { name: 'b', isDeflated: true, data: Buffer.alloc(5000, 'b') }]
    for (const prefix of [undefined, Buffer.from('#!/bin/sh\n'), Buffer.alloc(20_000, 1)])
      for (const tail of [undefined, Buffer.from('\n'), Buffer.alloc(30_000, 'x')])
        for (const comment of ['', fake, 'x'.repeat(20_000)])
          for (const zip64 of [false, true]) {
            const ends = Object.entries({ prefix, tail, comment, zip64 }).filter(
              ([, value]) => value,
            )
            const bytes = zipOf(members, Object.fromEntries(ends))
            const name = JSON.stringify([prefix?.length, tail?.length, comment.length, zip64])
            assert.equal((await readAll(bytes)).length, 2, name)
          }
    const bytes = zipOf(members, { comment: 'cut short' })
    assert.equal((await readAll(bytes.subarray(0, -4))).length, 2)
    const signature = Buffer.from('PK\x05\x05\x03\0abc', 'latin1')
    assert.equal((await readAll(zipOf(members, { behindEntries: signature }))).length, 2)
    // Writers without zip64 let the number of members overflow.
    assert.equal((await readAll(zipOf(members, { count: 2 + 65536 }))).length, 2)
    await assert.rejects(readAll(zipOf(members, { count: 3 })), {
      message: /2 entries and should have 3/,
    })
    const cut = zipOf([{ name: 'in.zip', data: bytes }, { name: 'b' }]).subarray(
      0,
      bytes.length + 60,
    )
    await assert.rejects(readAll(cut), { code: 'ERR_DECODE', message: /without its directory/ })
  })

  it('what is not supported is named, with a way out', async () => {
    const cases: [Partial<ZipInput>, RegExp][] = [
      [{ flags: 1 }, /is encrypted \(ZipCrypto encryption\), .* password first/],
      [{ flags: 0x41 }, /is encrypted \(PKWARE strong encryption\)/],
      [{ flags: 1, method: 99 }, /is encrypted \(WinZip AES encryption\)/],
      [
        { method: 14 },
        /is compressed with LZMA, which is not supported: pack it again with deflate/,
      ],
      [{ method: 9 }, /is compressed with Deflate64/],
      [{ method: 12 }, /is compressed with bzip2/],
      [{ method: 77 }, /is stored by method 77/],
    ]
    for (const [member, message] of cases)
      await assert.rejects(readAll(zipOf([{ name: 'a', ...member }])), {
        code: 'ERR_UNSUPPORTED',
        member: 'a',
        message,
      })
  })
})

describe('damaged zip archives', () => {
  it('law: whatever the bytes, memory and file come to the same members, or to an error with a code', async () => {
    const path = join(folder, 'law.zip')
    const names = fc.constantFrom(...Object.keys(EXPECTED_ZIPS))
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 })
    const outcome = async (read: () => object[] | Promise<object[]>): Promise<unknown> => {
      try {
        return await read()
      } catch (error) {
        if (!(error instanceof MediaError)) throw error
        assert.match(error.code, /^ERR_(DECODE|UNSUPPORTED|TOO_LARGE)$/)
        return error.code
      }
    }
    await fc.assert(
      fc.asyncProperty(names, flips, fc.option(fc.nat()), async (name, damages, cut) => {
        const whole = archive(name)
        for (const [at, bits] of damages) whole[at % whole.length]! ^= bits
        const bytes = cut === null ? whole : whole.subarray(0, cut % whole.length)
        writeFileSync(path, bytes)
        const expected = await outcome(() => readAllSync(bytes))
        assert.deepEqual(await outcome(() => readAll(bytes)), expected)
        assert.deepEqual(await outcome(() => readAll(path)), expected)
        assert.deepEqual(await outcome(() => readAllSync(path)), expected)
        // Nothing of the members is missing where a comment alone is cut.
        const isCut = bytes.length < whole.lastIndexOf('PK\x05\x06') + 22
        if (isCut) assert.equal(typeof expected, 'string')
      }),
      { numRuns: 250 },
    )
  })
})
