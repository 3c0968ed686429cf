import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { iterateTarSync } from '../../src/sync.ts'
import { truthOf } from '../truth/truth.ts'
import { type File, files } from './tar-files.ts'
import { block, END, inPieces, pax, readAll } from './tar-support.ts'

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
          assert.ok(
            views.every(({ data: view }) => view.length === 0 || view.buffer === bytes.buffer),
          )
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

  const { lists, archives } = truthOf<{
    readonly lists: readonly (readonly [path: string, data: string][])[]
    readonly archives: readonly { readonly writer: string; readonly gzipped: readonly string[] }[]
  }>('tar')
  for (const { writer, gzipped } of archives) {
    it(`what ${writer} writes is read`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tar-laws-'))
      try {
        for (const [i, text] of gzipped.entries()) {
          const archive = join(folder, 'out')
          writeFileSync(archive, gunzipSync(Buffer.from(text, 'base64')))
          const expected = lists[i]!.map(([path, data]) => [`./${path}`, data])
          assert.deepEqual(plain(await readAll(archive)), expected)
          assert.deepEqual(plain([...iterateTarSync(archive)]), expected)
        }
        assert.ok(gzipped.length > 10)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }
})
