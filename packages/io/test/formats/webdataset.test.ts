import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { expandBraces, groupByKey, iterateTar, iterateZip, type Sample } from '../../src/index.ts'
import { iterateTarSync } from '../../src/sync.ts'
import { block, END } from './tar-support.ts'
import { zipOf } from './zip-writer.ts'

async function grouped(paths: readonly string[]): Promise<unknown[]> {
  const samples: unknown[] = []
  for await (const { __key__, files } of groupByKey(
    paths.map((path) => ({ path, data: Buffer.from(path) })),
  )) {
    for (const [extension, data] of Object.entries(files))
      assert.equal(`${__key__}.${extension}`.toLowerCase(), String(data).toLowerCase())
    samples.push([__key__, Object.keys(files)])
  }
  return samples
}

describe('groupByKey', () => {
  it('copies what `reuse` would overwrite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'group-'))
    try {
      const members = Array.from({ length: 40 }, (_, i) => ({
        path: `${i >> 1}.${i % 2 === 0 ? 'a' : 'b'}`,
        data: Buffer.alloc(100_000 + i, `${i};`),
      }))
      const tar = join(folder, 'a.tar')
      writeFileSync(tar, Buffer.concat([...members.map(block), END]))
      const zip = join(folder, 'a.zip')
      writeFileSync(zip, zipOf(members.map(({ path: name, data }) => ({ name, data }))))
      const options = { reuse: true }
      for (const source of [
        iterateTar(tar, options),
        iterateTarSync(tar, options),
        iterateZip(zip, options),
      ]) {
        const samples: Sample[] = []
        for await (const sample of groupByKey(source)) samples.push(sample)
        assert.equal(samples.length, 20)
        for (const [i, { files }] of samples.entries()) {
          assert.ok(members[2 * i]!.data.equals(files.a!))
          assert.ok(members[2 * i + 1]!.data.equals(files.b!))
        }
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('splits at the first dot after the last slash, and puts neighbours together', async () => {
    assert.deepEqual(
      await grouped(['a.b/1.jpg', 'a.b/1.seg.PNG', 'a.b/2.jpg', '1.jpg', './1.jpg', '1.cls']),
      [
        ['a.b/1', ['jpg', 'seg.png']],
        ['a.b/2', ['jpg']],
        ['1', ['jpg']],
        ['./1', ['jpg']],
        ['1', ['cls']],
      ],
    )
    assert.deepEqual(await grouped([]), [])
    assert.deepEqual(await grouped(['x.']), [['x', ['']]])
  })

  it('leaves out what has no key', async () => {
    assert.deepEqual(await grouped(['README', 'a/.hidden.txt', '1.jpg', 'a/LICENSE', '1.cls']), [
      ['1', ['jpg', 'cls']],
    ])
  })

  it('refuses two members of one extension in a sample', async () => {
    await assert.rejects(grouped(['1.jpg', '1.JPG']), {
      code: 'ERR_DECODE',
      member: '1.JPG',
      message: /is the second one of extension "jpg" in its sample/,
    })
  })

  it('gives own properties, whatever the extension', async () => {
    assert.deepEqual(await grouped(['1.__proto__', '1.constructor']), [
      ['1', ['__proto__', 'constructor']],
    ])
  })

  it('groups an archive again and again, and closes it when it is left', async () => {
    const bytes = Buffer.concat([
      ...['1.jpg', '1.txt', '2.jpg', '2.txt'].map((path) =>
        block({ path, data: Buffer.from(path) }),
      ),
      END,
    ])
    const samples = groupByKey(iterateTar(bytes))
    for (let epoch = 0; epoch < 2; epoch++) {
      const seen: Sample[] = []
      for await (const sample of samples) seen.push(sample)
      assert.deepEqual(
        seen.map(({ __key__, files }) => [
          __key__,
          ...[files.jpg, files.txt].map((data) => Buffer.from(data!).toString()),
        ]),
        [
          ['1', '1.jpg', '1.txt'],
          ['2', '2.jpg', '2.txt'],
        ],
      )
    }
    let isClosed = false
    const members = (async function* () {
      try {
        for (const path of ['1.a', '2.a', '3.a']) yield { path, data: new Uint8Array(0) }
      } finally {
        isClosed = true
      }
    })()
    for await (const _ of groupByKey(members)) break
    assert.ok(isClosed)
  })

  it('law: nothing is lost, nothing is twice, the order stays', async () => {
    const paths = fc.uniqueArray(
      fc
        .tuple(fc.constantFrom('a', 'b', 'c/d', 'e.f/g'), fc.constantFrom('x', 'y', 'y.z', 'w'))
        .map((parts) => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(paths, async (list) => {
        const samples = (await grouped(list)) as [string, string[]][]
        assert.deepEqual(
          samples.flatMap(([key, extensions]) =>
            extensions.map((extension) => `${key}.${extension}`),
          ),
          list,
        )
        for (let i = 1; i < samples.length; i++) assert.notEqual(samples[i]![0], samples[i - 1]![0])
      }),
    )
  })
})

describe('expandBraces', () => {
  const cases: Record<string, string[]> = {
    'plain.tar': ['plain.tar'],
    '': [''],
    's-{000..012..4}.tar': ['s-000.tar', 's-004.tar', 's-008.tar', 's-012.tar'],
    '{9..11}': ['9', '10', '11'],
    '{09..11}': ['09', '10', '11'],
    '{3..1}': ['3', '2', '1'],
    '{-1..1}': ['-1', '0', '1'],
    '{-01..1}': ['-01', '000', '001'],
    '{a,b,}x': ['ax', 'bx', 'x'],
    '{a,b{1..2},c{d,e}}': ['a', 'b1', 'b2', 'cd', 'ce'],
    '{one}': ['{one}'],
    '{{1..2}}': ['{1}', '{2}'],
    'https://h/{train,val}/{0..1}.tar': [
      'https://h/train/0.tar',
      'https://h/train/1.tar',
      'https://h/val/0.tar',
      'https://h/val/1.tar',
    ],
  }
  for (const [pattern, expected] of Object.entries(cases)) {
    it(`${JSON.stringify(pattern)}`, () => assert.deepEqual(expandBraces(pattern), expected))
  }

  it('agrees with bash', {
    skip: spawnSync('bash', ['-c', 'exit']).status !== 0 && 'no bash here',
  }, () => {
    const number = fc
      .tuple(fc.integer({ min: -12, max: 12 }), fc.integer({ min: 1, max: 3 }))
      .map(
        ([value, width]) => (value < 0 ? '-' : '') + String(Math.abs(value)).padStart(width, '0'),
      )
    const part = fc.oneof(
      fc.tuple(number, number).map(([from, to]) => `{${from}..${to}}`),
      fc.constantFrom('x', '{a,b}', '{a,{1..3},c}', '.tar'),
    )
    const patterns = fc.sample(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('-')),
      { numRuns: 150, seed: 1 },
    )
    const { stdout } = spawnSync(
      'bash',
      ['-c', patterns.map((pattern) => `echo ${pattern}`).join('\n')],
      {
        encoding: 'utf8',
      },
    )
    assert.deepEqual(
      patterns.map((pattern) => expandBraces(pattern).join(' ')),
      stdout.trimEnd().split('\n'),
    )
  })

  it('refuses braces that do not match, and more than a million names', () => {
    for (const pattern of ['{', '}', 'a{b', 'a}b', '{a,{b}', '{a}}'])
      assert.throws(
        () => expandBraces(pattern),
        { code: 'ERR_BAD_OPTION', message: /`pattern` must be one whose braces match/ },
        pattern,
      )
    for (const pattern of [
      '{0..1000000}',
      '{0..999}{0..999}{0..1}',
      '{0..99999999999999999999999}',
      `{0..${'9'.repeat(400)}}`,
    ])
      assert.throws(
        () => expandBraces(pattern),
        { code: 'ERR_BAD_OPTION', message: /of at most 1000000 names/ },
        pattern,
      )
    assert.throws(() => expandBraces(3 as never), { code: 'ERR_BAD_OPTION' })
  })
})
