import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { iterateTar, MediaError, type TarMember } from '../../src/index.ts'
import { iterateTarSync } from '../../src/sync.ts'
import {
  ALL_TYPES,
  archive,
  block,
  END,
  headerBlock,
  inPieces,
  pax,
  paxBody,
  readAll,
  summary,
} from './tar-support.ts'

const types = ALL_TYPES
const folder = mkdtempSync(join(tmpdir(), 'tar-damage-'))
after(() => rmSync(folder, { recursive: true }))

interface Outcome {
  readonly members: unknown[]
  readonly error: string | undefined
}

/** What reading comes to. Any error but the package's own is a bug. */
function outcome(bytes: Uint8Array, options = {}): Outcome {
  const members: TarMember[] = []
  let error: string | undefined
  try {
    for (const member of iterateTarSync(bytes, { types, ...options })) members.push(member)
  } catch (fault) {
    error = nameOf(fault)
  }
  return { members: members.map(summary), error }
}

async function outcomeOf(source: string | AsyncIterable<Uint8Array>): Promise<Outcome> {
  const members: TarMember[] = []
  let error: string | undefined
  try {
    for await (const member of iterateTar(source, { types })) members.push(member)
  } catch (fault) {
    error = nameOf(fault)
  }
  return { members: members.map(summary), error }
}

function nameOf(fault: unknown): string {
  if (!(fault instanceof MediaError)) throw fault
  assert.match(fault.code, /^ERR_(DECODE|UNSUPPORTED|TOO_LARGE)$/)
  assert.ok(fault.source !== undefined)
  // A size that lies: of a stream nobody knows that there is not so much.
  return fault.code === 'ERR_TOO_LARGE' ? 'ERR_DECODE' : fault.code
}

describe('truncated archives', () => {
  for (const name of ['gnu.tar', 'pax.tar', 'bsdtar-pax.tar', 'v7.tar']) {
    it(`${name}, cut anywhere: the members before, then an error, unless cut between members`, () => {
      const whole = archive(name)
      const all = outcome(whole).members as { offset: number; size: number }[]
      const ends = new Set(all.map(({ offset, size }) => offset + Math.ceil(size / 512) * 512))
      const end = Math.max(...ends)
      for (let length = 0; length < whole.length; length++) {
        // The small one at every byte, the others around each block.
        const place = length % 512
        if (name !== 'v7.tar' && ![0, 1, 100, 157, 511].includes(place)) continue
        const { members, error } = outcome(whole.subarray(0, length))
        assert.deepEqual(members, all.slice(0, members.length), `cut at ${length}`)
        const mayEnd = ends.has(length) || length >= end
        assert.equal(error, mayEnd ? undefined : 'ERR_DECODE', `cut at ${length}`)
        const isShort = length < end + 1024
        if (isShort)
          assert.equal(
            outcome(whole.subarray(0, length), { requireEndMarker: true }).error,
            'ERR_DECODE',
          )
      }
    })
  }

  it('a cut is told with archive, member and place', async () => {
    const path = join(folder, 'cut.tar')
    writeFileSync(path, archive('pets.tar').subarray(0, 1538))
    const rejection = {
      name: 'ArchiveError',
      code: 'ERR_DECODE',
      source: path,
      member: 'pets/dog.txt',
      offset: 1536,
      message: `${path}: member "pets/dog.txt" at byte 1536: is truncated: 2 of 5 bytes are there`,
    }
    await assert.rejects(readAll(path), rejection)
    assert.throws(() => [...iterateTarSync(path)], rejection)
    await assert.rejects(readAll(inPieces(archive('pets.tar').subarray(0, 1538), [3, 600])), {
      ...rejection,
      source: 'a stream',
      message: /2 of 5/,
    })
    // Also where the member is not wanted.
    await assert.rejects(readAll(path, { filter: () => false }), rejection)
    await assert.rejects(
      readAll(inPieces(archive('pets.tar').subarray(0, 1538), []), { filter: () => false }),
      { code: 'ERR_DECODE', member: 'pets/dog.txt' },
    )
  })

  it('the messages of other cuts', async () => {
    const cases: [number, RegExp][] = [
      [0, /: is empty$/],
      [100, /not a tar archive: it is shorter than a block \(100 of 512 bytes\)/],
      [1000, /member "pets\/cat\.txt" at byte 512: is truncated: its padding is missing/],
      [1100, /at byte 1024: is truncated: it ends in a header \(76 of 512 bytes\)/],
    ]
    for (const [length, message] of cases)
      await assert.rejects(readAll(archive('pets.tar').subarray(0, length)), {
        code: 'ERR_DECODE',
        message,
      })
    await assert.rejects(
      readAll(archive('pets.tar').subarray(0, 2048), { requireEndMarker: true }),
      {
        code: 'ERR_DECODE',
        message: /its end marker is missing/,
      },
    )
  })
})

describe('damaged archives', () => {
  it('a flipped bit of a header is noticed, or changes nothing', () => {
    const whole = archive('pets.tar')
    const good = outcome(whole).members
    for (const start of [0, 1024]) {
      for (let bit = 0; bit < 512 * 8; bit++) {
        const damaged = Buffer.from(whole)
        damaged[start + (bit >> 3)]! ^= 1 << (bit & 7)
        const { members, error } = outcome(damaged)
        if (error === undefined) assert.deepEqual(members, good, `bit ${bit}`)
        else assert.equal(error, 'ERR_DECODE')
      }
    }
  })

  it('what is no tar archive is refused by its beginning', async () => {
    await assert.rejects(readAll(Buffer.from('<html>'.repeat(200))), {
      code: 'ERR_DECODE',
      message: '1200 bytes: not a tar archive: it begins with 3c 68 74 6d 6c 3e 3c 68',
    })
  })

  it('garbage between members is an error that says where', async () => {
    const a = block({ path: 'a', data: Buffer.from('a') })
    const garbage = Buffer.alloc(512, 'x')
    await assert.rejects(readAll(Buffer.concat([a, garbage, a, END])), {
      code: 'ERR_DECODE',
      offset: 1024,
      message: /at byte 1024: not a header: its checksum is wrong\. It begins with 78 78/,
    })
    const lone = Buffer.concat([a, Buffer.alloc(512), garbage, END])
    await assert.rejects(readAll(lone, { concatenated: true }), {
      code: 'ERR_DECODE',
      offset: 1536,
      message: /garbage follows a block of zeros/,
    })
    await assert.rejects(readAll(lone, { requireEndMarker: true }), {
      message: /its end marker is missing/,
    })
    for (const tail of [END, Buffer.alloc(512)])
      assert.equal((await readAll(Buffer.concat([a, tail, garbage]))).length, 1)
  })

  it('what GNU tar and Python take for the end of an archive is its end', async () => {
    const a = block({ path: 'a', data: Buffer.from('a') })
    const zeros = Buffer.alloc(512)
    const tails = {
      nothing: Buffer.alloc(0),
      'one block of zeros, and a line feed at the end of the next (plexus)': Buffer.concat([
        zeros,
        Buffer.alloc(511),
        Buffer.from('\n'),
      ]),
      'less than a block of zeros': Buffer.alloc(100),
      'a block of zeros and less than another': Buffer.alloc(612),
      'a line feed': Buffer.from('\n'),
      'a line feed behind the end marker': Buffer.concat([END, Buffer.from('\n')]),
      'a block of spaces': Buffer.alloc(512, ' '),
      'less than a block of spaces': Buffer.alloc(100, ' '),
    }
    for (const [name, tail] of Object.entries(tails)) {
      const bytes = Buffer.concat([a, a, tail])
      assert.equal([...iterateTarSync(bytes)].length, 2, name)
      assert.equal((await readAll(inPieces(bytes, [700, bytes.length - 1]))).length, 2, name)
      if (tail.length >= 1024 && tail.subarray(0, 1024).every((byte) => byte === 0)) continue
      assert.throws(
        () => [...iterateTarSync(bytes, { requireEndMarker: true })],
        { code: 'ERR_DECODE' },
        name,
      )
    }
  })

  it('a second archive after the end of the first is read or an error, never passed over', async () => {
    const one = Buffer.concat([block({ path: 'a' }), END])
    for (const between of [Buffer.alloc(0), Buffer.alloc(512), Buffer.alloc(9 * 512)]) {
      const two = Buffer.concat([one, between, one])
      const cuts = [512, 1000, 1600]
      for (const source of [two, inPieces(two, cuts)])
        await assert.rejects(readAll(source), {
          code: 'ERR_DECODE',
          message: /another archive follows the end of the first; `concatenated: true` reads on/,
        })
      for (const source of [two, inPieces(two, cuts)])
        assert.equal((await readAll(source, { concatenated: true })).length, 2)
    }
    await assert.rejects(
      readAll(Buffer.concat([one, Buffer.alloc(512, 1)]), { concatenated: true }),
      {
        code: 'ERR_DECODE',
      },
    )
  })

  it('extended headers without a member, and malformed ones', async () => {
    const a = block({ path: 'a' })
    await assert.rejects(readAll(Buffer.concat([a, pax({ path: 'b' }), END])), {
      message: /an extended header is followed by no member/,
    })
    await assert.rejects(readAll(Buffer.concat([a, pax({ path: 'b' })])), {
      message: /an extended header is followed by no member/,
    })
    for (const body of [
      '5 a=b\n',
      '99 a=b\n',
      'x a=b\n',
      '6 a=bx',
      '8 aaaaa\n',
      '3 \n',
      '0 a=b\n',
      ' 6 a=b\n',
      '00000000000000006 a=b\n',
    ]) {
      const bytes = Buffer.concat([
        block({ path: 'x', flag: 'x', data: Buffer.from(body) }),
        a,
        END,
      ])
      await assert.rejects(
        readAll(bytes),
        {
          code: 'ERR_DECODE',
          offset: 512,
          message: /a damaged pax header: its record at byte \d+ has /,
        },
        JSON.stringify(body),
      )
    }
    const padded = Buffer.concat([paxBody({ path: 'b' }), Buffer.alloc(3)])
    assert.equal(
      (await readAll(Buffer.concat([block({ path: 'x', flag: 'x', data: padded }), a, END])))[0]
        ?.path,
      'b',
    )
  })

  it('sizes that cannot be', async () => {
    const negative = Buffer.alloc(12, 0xff)
    const huge = Buffer.alloc(12, 0xff)
    huge[0] = 0x80
    const cases: [Buffer, RegExp][] = [
      [
        headerBlock({ path: 'a', size: 'garbage     ' }),
        /member "a" at byte 0: its size is not a number/,
      ],
      [headerBlock({ path: 'a', size: negative }), /its size is said to be -1 bytes/],
      [headerBlock({ path: 'a', size: huge }), /its size is said to be \d/],
      [
        Buffer.concat([pax({ size: '-5' }), headerBlock({ path: 'a' })]),
        /its size is said to be -5 bytes/,
      ],
      [
        Buffer.concat([pax({ size: '1e3' }), headerBlock({ path: 'a' })]),
        /its size is not a number/,
      ],
      [
        Buffer.concat([pax({ size: '99999999999999999999' }), headerBlock({ path: 'a' })]),
        /its size is said to be/,
      ],
      [headerBlock({ path: '' }), /a member has no name/],
    ]
    for (const [header, message] of cases)
      await assert.rejects(readAll(Buffer.concat([header, END])), { code: 'ERR_DECODE', message })
    for (const flag of ['x', 'g', 'L', 'K']) {
      const header = headerBlock({ path: 'a', flag, size: '77777777777\0' })
      await assert.rejects(readAll(inPieces(header, [])), {
        code: 'ERR_UNSUPPORTED',
        message: /an extended header says that it has \d+ bytes; at most 1048576 are read/,
      })
    }
  })

  it('a size that lies takes no memory', async () => {
    const header = headerBlock({ path: 'a', size: '37777777777\0' }) // 4 GiB - 1
    const path = join(folder, 'lies.tar')
    writeFileSync(path, Buffer.concat([header, Buffer.alloc(5000)]))
    const before = process.memoryUsage().rss
    const truncated = {
      code: 'ERR_DECODE',
      member: 'a',
      message: /is truncated: 5000 of 4294967295 bytes are there/,
    }
    for (let round = 0; round < 20; round++) {
      await assert.rejects(readAll(path, { maxMemberBytes: 2 ** 32 }), truncated)
      assert.throws(() => [...iterateTarSync(path, { maxMemberBytes: 2 ** 32 })], truncated)
      await assert.rejects(
        readAll(inPieces(Buffer.concat([header, Buffer.alloc(5000)]), []), {
          maxMemberBytes: 2 ** 32,
        }),
        truncated,
      )
    }
    assert.ok(process.memoryUsage().rss - before < 64 * 2 ** 20)
    await assert.rejects(readAll(inPieces(header, [])), {
      code: 'ERR_TOO_LARGE',
      member: 'a',
      message:
        /has 4294967295 bytes, more than `maxMemberBytes` \(1073741824\); streamTar gives it in pieces/,
    })
  })

  it('law: whatever the bytes, memory, file and stream come to the same members and the same end', async () => {
    const parts = fc.constantFrom(
      ...[
        'pets.tar',
        'gnu.tar',
        'pax.tar',
        'ustar.tar',
        'python-pax.tar',
        'sparse-gnu.tar',
        'empty.tar',
      ].map((name) => archive(name)),
    )
    const damage = fc.oneof(
      fc.record({
        kind: fc.constant('flip' as const),
        at: fc.nat(),
        bits: fc.integer({ min: 1, max: 255 }),
      }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), bits: fc.nat(2000) }),
      fc.record({ kind: fc.constant('put' as const), at: fc.nat(), bits: fc.nat(2000) }),
      fc.record({ kind: fc.constant('resign' as const), at: fc.nat(), bits: fc.nat(11) }),
    )
    const path = join(folder, 'law.tar')
    await fc.assert(
      fc.asyncProperty(
        parts,
        fc.array(damage, { maxLength: 3 }),
        fc.array(fc.nat(30000), { maxLength: 6 }),
        async (whole, damages, cuts) => {
          let bytes: Buffer = Buffer.from(whole)
          for (const { kind, at, bits } of damages) {
            const place = at % bytes.length
            if (kind === 'flip') bytes[place]! ^= bits
            else if (kind === 'cut')
              bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + bits + 1)])
            else if (kind === 'put')
              bytes = Buffer.concat([
                bytes.subarray(0, place),
                Buffer.alloc(bits, place),
                bytes.subarray(place),
              ])
            else lie(bytes, place, bits)
            if (bytes.length === 0) return
          }
          const expected = outcome(bytes)
          writeFileSync(path, bytes)
          assert.deepEqual(await outcomeOf(path), expected)
          assert.deepEqual(
            await outcomeOf(
              inPieces(
                bytes,
                cuts.map((cut) => cut % bytes.length),
              ),
            ),
            expected,
          )
        },
      ),
      { numRuns: 200 },
    )
  })
})

/**
 * Changes a digit of a header's size, and makes its checksum right again: damage that only sense
 * can notice.
 */
function lie(bytes: Buffer, place: number, digit: number): void {
  const start = Math.floor(place / 512) * 512
  if (start + 512 > bytes.length || bytes.toString('latin1', start + 257, start + 262) !== 'ustar')
    return
  const header = bytes.subarray(start, start + 512)
  header[124 + digit] = 0x30 + (place % 8)
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
}
