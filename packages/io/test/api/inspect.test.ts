import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encodeNpy, encodeNpz, encodeSafetensors, encodeWav, inspect } from '@spindle/io'

const array = { data: new Float32Array(6), dtype: 'float32', shape: [2, 3] } as const
const folder = mkdtempSync(join(tmpdir(), 'inspect-'))
const write = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

describe('inspect', () => {
  it('names kind, number of records, shapes and the first record', async () => {
    const jsonl = Array.from({ length: 5000 }, (_, n) => `{"n":${n},"tags":["a"]}\n`).join('')
    const cases: [string, Uint8Array | string, object][] = [
      ['a.npy', encodeNpy(array), { kind: 'npy', records: 2, fields: { array: 'float32 [2, 3]' } }],
      [
        'a.npz',
        encodeNpz({ x: array }),
        { kind: 'npz', records: 1, fields: { x: 'float32 [2, 3]' } },
      ],
      [
        'a.safetensors',
        encodeSafetensors({ x: array }, { metadata: { by: 'me' } }),
        { kind: 'safetensors', records: 1, fields: { x: 'float32 [2, 3]' }, facts: { by: 'me' } },
      ],
      [
        'small.jsonl',
        '{"n":1}\n\n{"n":2}',
        { kind: 'jsonl', records: 2, fields: { n: 'number' }, first: { n: 1 } },
      ],
      [
        'large.jsonl.gz',
        gzipSync(jsonl),
        {
          kind: 'jsonl',
          compression: 'gzip',
          fields: { n: 'number', tags: 'list of 1' },
          first: { n: 0, tags: ['a'] },
        },
      ],
      ['a.csv', 'a,b\n1,2\n', { kind: 'csv', records: 2, first: 'a,b' }],
      ['a.txt', 'hello\n', { kind: 'text', records: 1, first: 'hello' }],
      ['empty', '', { kind: 'unknown' }],
      ['zeros.bin', Buffer.alloc(1000), { kind: 'unknown' }],
    ]
    for (const [name, bytes, wanted] of cases) {
      const { facts, ...found } = await inspect(write(name, bytes))
      const { facts: wantedFacts, ...rest } = wanted as { facts?: object }
      assert.deepEqual(found, { bytes: bytes.length, ...rest }, name)
      if (wantedFacts !== undefined) assert.deepEqual({ ...facts }, wantedFacts)
    }
    const sound = { data: new Int16Array(800), dtype: 'int16', shape: [800] } as const
    const audio = await inspect(write('a.wav', encodeWav(sound, { sampleRate: 8000 })))
    assert.deepEqual([audio.kind, audio.facts?.sampleRate], ['audio', 8000])
  })

  it('refuses what is no file', async () => {
    await assert.rejects(inspect(join(folder, 'none')), { code: 'ERR_READ' })
    await assert.rejects(inspect(''), { code: 'ERR_BAD_OPTION' })
    await assert.rejects(inspect(folder, { x: 1 } as never), { code: 'ERR_BAD_OPTION' })
    await assert.rejects(inspect(folder), { code: 'ERR_READ' })
  })

  it('tells the columns of an Arrow file', async () => {
    const found = await inspect(new URL('../arrow/types.arrow', import.meta.url))
    assert.deepEqual([found.kind, found.facts], ['arrow', { batches: 3 }])
    const { i64, vec, list, text } = found.fields as Record<string, string>
    assert.deepEqual(
      [i64, vec, list, text],
      ['int64 [rows]', 'float32 [rows, 4]', 'lists of int32', 'string [rows]'],
    )
  })
})
