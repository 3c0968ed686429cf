import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PipelineBuilder } from 'spindle'
import {
  assemblePack,
  packDocuments,
  packSequences,
  splitDocuments,
  type TokenDocument,
  type TokenIds,
} from 'spindle/loader'
import { collect, failureCause, throwsCode } from '../support/consume.ts'

/** Documents whose tokens are all different, so that a token says where it is from. */
const documentsOf = (lengths: readonly number[]): number[][] => {
  let token = 1
  return lengths.map((length) => Array.from({ length }, () => token++))
}
const someLengths = (max: number) => fc.array(fc.integer({ min: 1, max }), { maxLength: 60 })

describe('packSequences', () => {
  it('loses no token and gives none twice, and its arrays say where each document is', async () => {
    const options = fc.record({
      maxTokens: fc.integer({ min: 1, max: 24 }),
      openPacks: fc.integer({ min: 1, max: 6 }),
      dtype: fc.constantFrom('int64' as const, 'int32' as const),
    })
    await fc.assert(
      fc.asyncProperty(
        someLengths(40),
        options,
        async (lengths, { maxTokens, openPacks, dtype }) => {
          const documents = documentsOf(lengths)
          const packs = await collect(
            packSequences(new PipelineBuilder().addSource<TokenDocument>(documents), {
              maxTokens,
              openPacks,
              dtype,
              labels: true,
              paddingId: -7,
            }).build(),
          )
          const seen: number[] = []
          for (const { inputIds, positionIds, segmentIds, cuSeqlens, labels, tokens } of packs) {
            assert.deepEqual(
              [inputIds.shape, inputIds.dtype, labels!.dtype],
              [[maxTokens], dtype, dtype],
            )
            const [ids, positions, said] = [inputIds, positionIds, labels!].map(({ data }) =>
              Array.from(data, Number),
            ) as [number[], number[], number[]]
            const starts = [...cuSeqlens.data]
            assert.equal(starts[0], 0)
            assert.equal(starts.at(-1), tokens)
            for (let at = 0; at < maxTokens; at++) {
              const segment = starts.findLastIndex((start) => start <= at)
              const isPadding = at >= tokens
              assert.equal(segmentIds.data[at], isPadding ? 0 : segment + 1)
              assert.equal(positions[at], isPadding ? 0 : at - starts[segment]!)
              assert.equal(said[at], isPadding || positions[at] === 0 ? -100 : ids[at])
              if (isPadding) assert.equal(ids[at], -7)
              // Within a document tokens follow one another.
              else if (positions[at] !== 0) assert.equal(ids[at], ids[at - 1]! + 1)
            }
            seen.push(...ids.slice(0, tokens))
          }
          assert.deepEqual(
            seen.toSorted((a, b) => a - b),
            documents.flat(),
          )
        },
      ),
      { numRuns: 80 },
    )
  })

  it('gives the same packs however its input is timed', async () => {
    const documents = documentsOf(Array.from({ length: 80 }, (_, i) => 1 + ((i * 13) % 17)))
    const run = (delayed: boolean) =>
      collect(
        packSequences(
          new PipelineBuilder().addSource(documents).pipe(
            async (document): Promise<TokenDocument> => {
              if (delayed) for (let turn = document.length; turn > 0; turn--) await null
              return document
            },
            { concurrency: 6, outputOrder: 'input' },
          ),
          { maxTokens: 20, openPacks: 4 },
        ).build(),
      )
    assert.deepEqual(await run(true), await run(false))
  })

  it('wastes little: under 3 % of lengths that are drawn at random, with the default number of open packs', async () => {
    let state = 12345
    const lengths = Array.from({ length: 2000 }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return 1 + (state % 900)
    })
    const packs = await collect(
      packSequences(new PipelineBuilder().addSource<TokenDocument>(documentsOf(lengths)), {
        maxTokens: 2048,
      }).build(),
    )
    const tokens = packs.reduce((sum, pack) => sum + pack.tokens, 0)
    assert.ok(tokens / (packs.length * 2048) > 0.97, `${tokens / (packs.length * 2048)}`)
  })
})

describe('packDocuments', () => {
  it('keeps the budget, the number of documents and of open packs, and uses the room there is', () => {
    const options = fc.record({
      maxTokens: fc.integer({ min: 10, max: 30 }),
      openPacks: fc.integer({ min: 1, max: 5 }),
      maxDocuments: fc.integer({ min: 1, max: 5 }),
    })
    fc.assert(
      fc.property(someLengths(10), options, (lengths, { maxTokens, openPacks, maxDocuments }) => {
        const documents = documentsOf(lengths)
        const packer = packDocuments<number[]>({ maxTokens, openPacks, maxDocuments })()
        const packs: number[][][] = []
        const held = () => documents.length - packs.flat().length
        for (const document of documents) {
          const pack = packer.accumulate(document)
          if (pack !== undefined) packs.push(pack)
        }
        const before = packs.length
        while (packer.hasRest!()) packs.push(packer.flush()!)
        assert.equal(packer.flush(), undefined)
        assert.equal(held(), 0)
        assert.ok(packs.length - before <= openPacks)
        assert.deepEqual(new Set(packs.flat()), new Set(documents))
        for (const pack of packs)
          assert.ok(
            pack.flat().length <= maxTokens && pack.length <= maxDocuments && pack.length > 0,
          )
      }),
      { numRuns: 100 },
    )
  })

  it('puts a document where it leaves the least room', () => {
    const packer = packDocuments<number[]>({ maxTokens: 10, openPacks: 4 })()
    const [six, eight, seven, two] = documentsOf([6, 8, 7, 2])
    for (const document of [six!, eight!, seven!])
      assert.equal(packer.accumulate(document), undefined)
    assert.deepEqual(packer.accumulate(two!), [eight, two])
  })

  it('fails for a document that is too long, and says what to do', async () => {
    const source = new PipelineBuilder().addSource([[1, 2, 3]])
    const cause = await failureCause(source.aggregate(packDocuments({ maxTokens: 2 })).build())
    assert.match(String(cause), /3 tokens is above `maxTokens` 2.*splitDocuments/)
    const refusing = packSequences(source as PipelineBuilder<TokenDocument>, {
      maxTokens: 2,
      tooLong: 'refuse',
    })
    assert.match(String(await failureCause(refusing.build())), /above `maxTokens`/)
  })
})

describe('splitDocuments', () => {
  it('gives parts that make up the document, with what they have in common', () => {
    const options = fc.record({ maxTokens: fc.integer({ min: 3, max: 9 }), overlap: fc.nat(2) })
    fc.assert(
      fc.property(fc.nat(50), options, (length, { maxTokens, overlap }) => {
        const [document] = documentsOf([length])
        const parts = [...splitDocuments<number[]>({ maxTokens, overlap })(document!)]
        assert.ok(parts.every((part) => part.length <= maxTokens))
        const joined = parts.flatMap((part, number) => (number === 0 ? part : part.slice(overlap)))
        assert.deepEqual(joined, document)
        for (const [number, part] of parts.entries())
          if (number > 0 && overlap > 0)
            assert.deepEqual(part.slice(0, overlap), parts[number - 1]!.slice(-overlap))
      }),
    )
  })

  it('keeps labels beside their tokens, other members as they are, and takes views of typed arrays', () => {
    const inputIds = Int32Array.of(1, 2, 3)
    const record = { inputIds, labels: [4, 5, 6], name: 'one' }
    const parts = [...splitDocuments<typeof record>({ maxTokens: 2 })(record)]
    assert.deepEqual(
      parts.map(({ inputIds, labels, name }) => [[...inputIds], labels, name]),
      [
        [[1, 2], [4, 5], 'one'],
        [[3], [6], 'one'],
      ],
    )
    assert.equal(parts[0]!.inputIds.buffer, inputIds.buffer)
  })

  it('leaves out a last part that is too short, but never a document', () => {
    const split = splitDocuments<number[]>({ maxTokens: 4, minTokens: 3 })
    assert.deepEqual(
      [...split([1, 2, 3, 4, 5, 6])].map((part) => part.length),
      [4],
    )
    assert.deepEqual(
      [...split([1, 2, 3, 4, 5, 6, 7])].map((part) => part.length),
      [4, 3],
    )
    assert.deepEqual([...split([1])], [[1]])
  })
})

describe('assemblePack', () => {
  const kinds: { readonly [name: string]: (ids: number[]) => TokenIds } = {
    numbers: (ids) => ids,
    bigints: (ids) => ids.map(BigInt),
    Int32Array: (ids) => Int32Array.from(ids),
    Uint16Array: (ids) => Uint16Array.from(ids),
    BigInt64Array: (ids) => BigInt64Array.from(ids.map(BigInt)),
  }
  for (const [name, make] of Object.entries(kinds)) {
    it(`takes ids given as ${name}`, () => {
      for (const dtype of ['int64', 'int32'] as const) {
        const { inputIds } = assemblePack({ maxTokens: 5, dtype })([
          make([3, 70_000 % 65536]),
          make([9]),
        ])
        assert.deepEqual(Array.from(inputIds.data, Number), [3, 4464, 9, 0, 0])
      }
    })
  }

  it('writes negative and large ids as int64', () => {
    const { inputIds } = assemblePack({ maxTokens: 3, paddingId: -1 })([[-5, 2 ** 40 + 1]])
    assert.deepEqual([...inputIds.data], [-5n, 2n ** 40n + 1n, -1n])
  })

  it("uses a document's own labels, and gives none unless asked", () => {
    const documents = [{ inputIds: [1, 2, 3], labels: [-100, -100, 3] }]
    const { labels } = assemblePack({ maxTokens: 3, labels: true, dtype: 'int32' })(documents)
    assert.deepEqual([...labels!.data], [-100, -100, 3])
    assert.equal('labels' in assemblePack({ maxTokens: 3 })(documents), false)
  })

  it('refuses labels that do not fit, too many tokens, and what is no document', () => {
    const assemble = assemblePack({ maxTokens: 3, labels: true })
    throwsCode(() => assemble([{ inputIds: [1, 2], labels: [1] }]), 'ERR_BAD_OPTION', /labels/)
    throwsCode(
      () =>
        assemble([
          [1, 2],
          [3, 4],
        ]),
      'ERR_TOO_LARGE',
      /4 tokens/,
    )
    throwsCode(() => assemble(['text' as never]), 'ERR_BAD_OPTION', /document/)
    throwsCode(
      () => assemblePack({ maxTokens: 3, dtype: 'uint8' as never }),
      'ERR_BAD_OPTION',
      /dtype/,
    )
  })
})

describe('documents without a token', () => {
  const documents: TokenDocument[] = [[], [1, 2], [], { inputIds: [] }, [3], new Int32Array(0), []]
  const options = { maxTokens: 4, labels: true, dtype: 'int32' } as const

  it('are left out of packs, and counted as skipped', async () => {
    const pipeline = packSequences(new PipelineBuilder().addSource(documents), options).build()
    const packs = await collect(pipeline)
    assert.equal(packs.length, 1)
    const [{ inputIds, segmentIds, cuSeqlens, labels, tokens, empty }] = packs as [
      (typeof packs)[0],
    ]
    assert.deepEqual([...inputIds.data], [1, 2, 3, 0])
    assert.deepEqual([...segmentIds.data], [1, 1, 2, 0])
    assert.deepEqual([...cuSeqlens.data], [0, 2, 3])
    assert.deepEqual([...labels!.data], [-100, 2, -100, -100])
    assert.deepEqual([tokens, empty], [3, 0])
    const stages = pipeline.stats().stages
    assert.equal(stages.find(({ name }) => name === 'splitDocument')?.skipped, 5)
  })

  it('are no reason for a pack', async () => {
    for (const tooLong of ['split', 'refuse'] as const) {
      const source = new PipelineBuilder().addSource<TokenDocument>([
        [],
        { inputIds: [], labels: [] },
      ])
      assert.deepEqual(await collect(packSequences(source, { ...options, tooLong }).build()), [])
    }
    const packer = packDocuments({ maxTokens: 4 })()
    assert.deepEqual(
      [packer.accumulate([]), packer.hasRest?.(), packer.flush()],
      [undefined, false, undefined],
    )
    assert.deepEqual([...splitDocuments<number[]>({ maxTokens: 4 })([])], [])
  })

  it('go along with the next pack where they are not split, take no room in it, and are counted', async () => {
    const source = new PipelineBuilder().addSource(documents)
    const packs = await collect(
      packSequences(source, { ...options, tooLong: 'refuse', maxDocuments: 2 }).build(),
    )
    assert.deepEqual(
      packs.map(({ cuSeqlens, tokens, empty }) => [[...cuSeqlens.data], tokens, empty]),
      [[[0, 2, 3], 3, 3]],
    )
    const { segmentIds, cuSeqlens, empty } = assemblePack({ maxTokens: 3 })([[], [5], [], [6]])
    assert.deepEqual([[...segmentIds.data], [...cuSeqlens.data], empty], [[1, 2, 0], [0, 1, 2], 2])
  })

  it('are done with when what goes along with them is', async () => {
    const builder = new PipelineBuilder()
      .addSource(documents)
      .aggregate(packDocuments<TokenDocument>({ maxTokens: 4 }))
    const first = builder.build({ resumable: true })
    assert.equal((await collect(first)).length, 1)
    assert.equal(first.state().sources[0]?.epochs[0]?.low, documents.length)
  })
})

describe('ids that the type cannot hold', () => {
  const MOST = 2 ** 31 - 1
  /** Neither type can hold them as numbers. */
  const never = [
    undefined,
    null,
    Number.NaN,
    0.5,
    -0.5,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1e300,
    '1',
    true,
    {},
  ]
  const cases: readonly (readonly ['int32' | 'int64', unknown])[] = [
    ...never.flatMap((id) => [['int32', id] as const, ['int64', id] as const]),
    ['int32', MOST + 1],
    ['int32', -(2 ** 31) - 1],
    ['int32', 2 ** 40],
  ]

  it('are refused in a list, naming the document, the position and the value', () => {
    for (const [dtype, id] of cases) {
      const assemble = assemblePack({ maxTokens: 8, dtype, labels: true })
      const list = [7, 8, id] as never
      throwsCode(
        () => assemble([[1], list]),
        'ERR_BAD_OPTION',
        /`documents\[1\]\[2\]` must be an integer .* got/,
      )
      throwsCode(
        () => assemble([[1], { inputIds: list }]),
        'ERR_BAD_OPTION',
        /`documents\[1\]\.inputIds\[2\]`/,
      )
      throwsCode(
        () => assemble([[1], { inputIds: [1, 2, 3], labels: list }]),
        'ERR_BAD_OPTION',
        /`documents\[1\]\.labels\[2\]`/,
      )
    }
    const withHole = Object.assign(new Array(3), { 0: 1, 2: 3 })
    throwsCode(
      () => assemblePack({ maxTokens: 3 })([withHole]),
      'ERR_BAD_OPTION',
      /`documents\[0\]\[1\]`/,
    )
  })

  it('are refused in typed arrays of wider types, and in lists of two kinds', () => {
    const refuses = (dtype: 'int32' | 'int64', ids: unknown, at: number) =>
      throwsCode(
        () => assemblePack({ maxTokens: 4, dtype })([ids as never]),
        'ERR_BAD_OPTION',
        new RegExp(`documents\\[0\\]\\[${at}\\]`),
      )
    refuses('int32', Uint32Array.of(1, 2 ** 31), 1)
    refuses('int32', Float64Array.of(1, Number.NaN), 1)
    refuses('int64', Float32Array.of(0.5), 0)
    refuses('int32', BigInt64Array.of(1n, 2n ** 31n), 1)
    refuses('int32', [1n, 2n ** 31n], 1)
    refuses('int64', BigUint64Array.of(1n, 2n ** 63n), 1)
    refuses('int64', [1n, 2n ** 64n], 1)
    for (const dtype of ['int32', 'int64'] as const) {
      refuses(dtype, [1n, 2], 1)
      refuses(dtype, [1, 2n], 1)
      refuses(dtype, [1n, undefined], 1)
    }
  })

  it('are told apart from those that it can hold, to the last', () => {
    const narrow = [0, 1, MOST, -(2 ** 31)]
    for (const ids of [
      narrow,
      Float64Array.from(narrow),
      BigInt64Array.from(narrow.map(BigInt)),
      narrow.map(BigInt),
    ])
      assert.deepEqual(
        [...assemblePack({ maxTokens: 4, dtype: 'int32' })([ids as never]).inputIds.data],
        narrow,
      )
    const wide = [2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 32, -1]
    for (const ids of [wide, Float64Array.from(wide), wide.map(BigInt)])
      assert.deepEqual(
        [...assemblePack({ maxTokens: 4 })([ids as never]).inputIds.data],
        wide.map(BigInt),
      )
    const large = BigUint64Array.of(2n ** 63n - 1n)
    assert.deepEqual([...assemblePack({ maxTokens: 1 })([large]).inputIds.data], [2n ** 63n - 1n])
    assert.deepEqual(
      [...assemblePack({ maxTokens: 1, dtype: 'int32' })([Uint32Array.of(MOST)]).inputIds.data],
      [MOST],
    )
  })

  it('are refused as options', () => {
    for (const option of ['paddingId', 'ignoreLabel'])
      for (const [dtype, id] of cases.filter(([, one]) => one !== undefined))
        throwsCode(
          () => assemblePack({ maxTokens: 4, dtype, [option]: id as never }),
          'ERR_BAD_OPTION',
          new RegExp(`\`${option}\` must be`),
        )
    throwsCode(
      () => assemblePack({ maxTokens: 2 ** 31 }),
      'ERR_BAD_OPTION',
      /`maxTokens` must be below 2\^31/,
    )
  })
})
