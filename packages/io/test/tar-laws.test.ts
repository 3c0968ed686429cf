import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { iterateTarSync } from '../src/sync.ts'
import { block, END, inPieces, pax, readAll } from './tar-support.ts'

interface File {
  readonly path: string
  readonly data: Uint8Array
}

const name = fc
  .stringMatching(/^[a-zA-Z0-9 äß猫_-][a-zA-Z0-9 .äß猫_-]{0,120}$/)
  .filter((text) => Buffer.byteLength(text) <= 250)
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const size = fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1024), fc.nat(5000))
const data = fc
  .tuple(size, fc.nat(255))
  .map(([length, seed]) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 255))
/** Files whose paths are not folders of others. */
const files = fc
  .uniqueArray(fc.record({ path, data }), { selector: (file) => file.path, maxLength: 6 })
  .map((list) => list.filter(({ path: one }) => !list.some(({ path: other }) => other.startsWith(`${one}/`))))

/** An archive by this writer: names that are long or not ASCII go into a pax or GNU header. */
function write(list: readonly File[], isGnu: boolean): Buffer {
  return Buffer.concat([
    ...list.map((file) => {
      const bytes = Buffer.from(file.path)
      if (bytes.length <= 100) return block(file)
      const long = isGnu
        ? block({ path: '././@LongLink', flag: 'L', data: Buffer.concat([bytes, Buffer.alloc(1)]) })
        : pax({ path: file.path })
      return Buffer.concat([long, block({ ...file, path: 'cut off' })])
    }),
    END,
  ])
}

const plain = (list: readonly { path: string; data: Uint8Array }[]) =>
  list.map(({ path: name, data: bytes }) => [name, Buffer.from(bytes).toString('base64')])

describe('laws', () => {
  it('what is written is read, over any cut of the stream, and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.boolean(),
        fc.array(fc.nat(20000), { maxLength: 12 }),
        async (list, isGnu, cuts) => {
          const bytes = write(list, isGnu)
          const places = cuts.map((cut) => cut % bytes.length)
          const views = [...iterateTarSync(bytes)]
          assert.deepEqual(plain(views), plain(list))
          assert.ok(views.every(({ data: view }) => view.length === 0 || view.buffer === bytes.buffer))
          assert.deepEqual(plain(await readAll(inPieces(bytes, places))), plain(list))
          const packed = gzipSync(bytes)
          assert.deepEqual(
            plain(
              await readAll(
                inPieces(
                  packed,
                  places.map((cut) => cut % packed.length),
                ),
              ),
            ),
            plain(list),
          )
        },
      ),
      { numRuns: 150 },
    )
  })

  it('every byte a piece', async () => {
    const list = [
      { path: 'a', data: Uint8Array.of(1, 2, 3) },
      { path: 'b'.repeat(200), data: new Uint8Array(600) },
    ]
    const bytes = write(list, true)
    assert.deepEqual(
      plain(
        await readAll(
          inPieces(
            bytes,
            Array.from(bytes, (_, i) => i),
          ),
        ),
      ),
      plain(list),
    )
  })

  const tools: [string, string[]][] = [
    ['tar', ['--format=gnu']],
    ['tar', ['--format=posix']],
    ['bsdtar', ['--format=pax']],
    ['bsdtar', ['--format=gnutar']],
  ]
  for (const [tool, args] of tools) {
    const isThere = spawnSync(tool, ['--version']).status === 0
    it(`what ${tool} ${args} writes is read`, { skip: !isThere && `${tool} is not installed` }, async () => {
      await fc.assert(
        fc.asyncProperty(files, async (list) => {
          const folder = mkdtempSync(join(tmpdir(), 'tar-laws-'))
          try {
            for (const { path: name, data: bytes } of list) {
              mkdirSync(join(folder, dirname(name)), { recursive: true })
              writeFileSync(join(folder, name), bytes)
            }
            const names = list.map(({ path: name }) => `./${name}\0`).join('')
            const output = execFileSync(tool, [...args, '-cf', 'out', '--null', '-T', '-'], {
              cwd: folder,
              input: names,
              env: { ...process.env, LC_ALL: 'C.UTF-8' },
            })
            assert.equal(output.length, 0)
            const expected = plain(list.map((file) => ({ ...file, path: `./${file.path}` })))
            assert.deepEqual(plain(await readAll(join(folder, 'out'))), expected)
            assert.deepEqual(plain([...iterateTarSync(join(folder, 'out'))]), expected)
          } finally {
            rmSync(folder, { recursive: true })
          }
        }),
        { numRuns: 20 },
      )
    })
  }
})
