import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { iterateInProcess, iterateInWorker } from 'spindle'
import {
  DistributedSampler,
  type DistributedSamplerOptions,
  embedShuffle,
  rankFromEnvironment,
} from 'spindle/source'

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step)

function ranksOf(
  size: number,
  worldSize: number,
  options: DistributedSamplerOptions = {},
): DistributedSampler[] {
  return range(0, worldSize).map(
    (rank) => new DistributedSampler(size, { ...options, rank, worldSize }),
  )
}

const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b)

describe('DistributedSampler in order', () => {
  it('gives all of a single rank', () => {
    const sampler = new DistributedSampler(26)
    assert.deepEqual([...sampler], range(0, 26))
    assert.equal(sampler.length, 26)
  })

  it('gives rank r every worldSize-th index from r on, and drops what not all have with `dropLast`', () => {
    for (let worldSize = 1; worldSize <= 26; worldSize++) {
      const used = Math.floor(26 / worldSize) * worldSize
      const ranks = ranksOf(26, worldSize, { dropLast: true })
      for (const [rank, sampler] of ranks.entries()) {
        assert.deepEqual([...sampler], range(rank, used, worldSize))
        assert.equal(sampler.length, used / worldSize)
      }
      assert.deepEqual(sorted(ranks.flatMap((sampler) => [...sampler])), range(0, used))
    }
  })

  it('is the same in each epoch', () => {
    const sampler = new DistributedSampler(10, { rank: 1, worldSize: 3 })
    const first = [...sampler]
    sampler.setEpoch(5)
    assert.deepEqual([...sampler], first)
  })

  it('keeps the tail: 26 over 4 ranks are 7, 7, 6, 6', () => {
    for (const shuffle of [false, true]) {
      const ranks = ranksOf(26, 4, { shuffle })
      assert.deepEqual(
        ranks.map((sampler) => [...sampler].length),
        [7, 7, 6, 6],
      )
      assert.deepEqual(sorted(ranks.flatMap((sampler) => [...sampler])), range(0, 26))
    }
  })

  it('gives some ranks nothing where there are more of them than items', () => {
    for (const shuffle of [false, true]) {
      const ranks = ranksOf(3, 5, { shuffle })
      assert.deepEqual(
        ranks.map((sampler) => sampler.length),
        [1, 1, 1, 0, 0],
      )
      assert.deepEqual(sorted(ranks.flatMap((sampler) => [...sampler])), [0, 1, 2])
    }
  })

  it('begins again with `padding`, until all ranks have equally many', () => {
    const ranks = ranksOf(10, 4, { padding: true })
    assert.deepEqual(
      ranks.map((sampler) => [...sampler]),
      [
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 0],
        [3, 7, 1],
      ],
    )
    assert.deepEqual(
      ranksOf(2, 5, { padding: true }).map((sampler) => [...sampler]),
      [[0], [1], [0], [1], [0]],
    )
  })
})

describe('DistributedSampler in random order', () => {
  it('has another order for another seed, and for another epoch', () => {
    const bySeed = range(0, 100).map((seed) =>
      [...new DistributedSampler(64, { shuffle: true, seed })].join(),
    )
    const sampler = new DistributedSampler(64, { shuffle: true })
    const byEpoch = range(0, 100).map((epoch) => {
      sampler.setEpoch(epoch)
      return [...sampler].join()
    })
    assert.equal(new Set(bySeed).size, 100)
    assert.equal(new Set(byEpoch).size, 100)
  })

  it('repeats its order where the epoch is not set, and depends on nothing that happened before', () => {
    for (const options of [
      { shuffle: true },
      { weights: range(1, 27) },
      { weights: range(1, 27), replacement: false },
    ]) {
      const sampler = new DistributedSampler(26, options)
      const first = [...sampler]
      assert.deepEqual([...sampler], first)
      for (const epoch of [3, 1, 7]) {
        sampler.setEpoch(epoch)
        assert.deepEqual([...sampler], [...new DistributedSampler(26, { ...options, epoch })])
      }
      sampler.setEpoch(0)
      assert.deepEqual([...sampler], first)
    }
  })

  it('does not use or disturb Math.random', () => {
    const random = Math.random
    Math.random = () => assert.fail('asked for a random number')
    try {
      const sampler = new DistributedSampler(30, { weights: range(1, 31) })
      assert.equal([...sampler].length, 30)
    } finally {
      Math.random = random
    }
  })

  it('draws fewer than there are', () => {
    const ranks = ranksOf(640, 8, { shuffle: true, numDraws: 321, dropLast: true })
    const indices = ranks.flatMap((sampler) => [...sampler])
    assert.equal(indices.length, 320)
    assert.equal(new Set(indices).size, 320)
    assert.deepEqual(
      ranksOf(10, 5, { shuffle: true, numDraws: 3 }).map((sampler) => [...sampler].length),
      [1, 1, 1, 0, 0],
    )
  })

  it('is another order each iteration through embedShuffle', () => {
    const options = { shuffle: true, rank: 1, worldSize: 3, seed: 9 }
    const shuffled = embedShuffle(new DistributedSampler(50, options))
    const manual = new DistributedSampler(50, options)
    for (let epoch = 0; epoch < 100; epoch++) {
      manual.setEpoch(epoch)
      assert.deepEqual([...shuffled], [...manual])
    }
  })
})

describe('DistributedSampler with weights', () => {
  const weights = [0, 1, 3, 5, 10]

  it('draws each index as often as its weight says', () => {
    const counts = [0, 0, 0, 0, 0]
    for (const index of new DistributedSampler(5, { weights, numDraws: 1_000_000, seed: 1 }))
      counts[index]!++
    assert.equal(counts[0], 0)
    for (const [index, weight] of weights.entries())
      assert.ok(Math.abs(counts[index]! / 1e6 - weight / 19) < 1e-3)
  })

  it('draws uniformly with `replacement` alone', () => {
    const counts = new Array<number>(7).fill(0)
    for (const index of new DistributedSampler(7, { replacement: true, numDraws: 700_000 }))
      counts[index]!++
    for (const count of counts) assert.ok(Math.abs(count - 100_000) < 1500)
  })

  it('puts nothing back without replacement, and draws first by weight', () => {
    const counts = [0, 0, 0, 0, 0]
    const sampler = new DistributedSampler(5, { weights, replacement: false })
    assert.equal(sampler.size, 4)
    for (let epoch = 0; epoch < 20_000; epoch++) {
      sampler.setEpoch(epoch)
      const order = [...sampler]
      assert.deepEqual(sorted(order), [1, 2, 3, 4])
      counts[order[0]!]!++
    }
    for (const [index, weight] of weights.entries())
      assert.ok(Math.abs(counts[index]! / 20_000 - weight / 19) < 0.015)
  })

  it('has weights of any scale, and arrays of any kind', () => {
    const tiny = new Float64Array([1e-300, 2e-300, 0])
    assert.equal(new Set(new DistributedSampler(3, { weights: tiny, numDraws: 100 })).size, 2)
    assert.deepEqual(
      sorted(
        new DistributedSampler(3, { weights: new Uint8Array([1, 255, 7]), replacement: false }),
      ),
      [0, 1, 2],
    )
  })
})

describe('DistributedSampler over any ranks', () => {
  const anyOptions = fc
    .record({
      size: fc.integer({ min: 1, max: 60 }),
      seed: fc.maxSafeInteger(),
      epoch: fc.nat(1000),
      kind: fc.constantFrom(
        'sequential',
        'permutation',
        'draws',
        'weighted draws',
        'weighted order',
      ),
      share: fc.double({ min: 0.05, max: 1, noNaN: true }),
      ending: fc.constantFrom<DistributedSamplerOptions>({}, { padding: true }),
    })
    .map(({ size, seed, epoch, kind, share, ending }) => {
      const isWeighted = kind.startsWith('weighted')
      const options: DistributedSamplerOptions = {
        seed,
        epoch,
        numDraws: Math.ceil(size * share),
        shuffle: kind !== 'sequential',
        replacement: kind.endsWith('draws'),
        ...(isWeighted ? { weights: range(1, size + 1) } : {}),
        ...ending,
      }
      return { size, options }
    })
  const worlds = fc.integer({ min: 1, max: 9 })

  it('the ranks together have what one rank has, in turn', () => {
    fc.assert(
      fc.property(anyOptions, worlds, ({ size, options }, worldSize) => {
        const whole = [...new DistributedSampler(size, { ...options, padding: false })]
        const ranks = ranksOf(size, worldSize, options)
        const all = range(0, ranks[0]!.size).map((position) => whole[position % whole.length])
        assert.deepEqual(
          ranks.map((sampler) => [...sampler]),
          ranks.map((_, rank) => all.filter((__, i) => i % worldSize === rank)),
        )
        for (const sampler of ranks) assert.equal([...sampler].length, sampler.length)
        if (options.replacement !== true) assert.equal(new Set(whole).size, whole.length)
      }),
    )
  })

  it('from any position on it is the tail, also with another number of ranks', () => {
    fc.assert(
      fc.property(anyOptions, worlds, worlds, fc.nat(), ({ size, options }, before, after, cut) => {
        const epoch = options.epoch!
        const one = ranksOf(size, before, { ...options, padding: false })
        const other = ranksOf(size, after, { ...options, padding: false })
        const total = one[0]!.size
        const position = cut % (total + 1)
        const whole = [...new DistributedSampler(size, { ...options, padding: false })]
        const rest = other.flatMap((sampler) => [...sampler.iterateFrom(position, epoch)])
        assert.deepEqual(sorted(rest), sorted(whole.slice(position)))
        for (const sampler of one) assert.deepEqual([...sampler.iterateFrom(total, epoch)], [])
        assert.ok(isDeepStrictEqual(one[0]!.description, other.at(-1)!.description))
      }),
    )
  })

  it('another order, or other weights, are another description', () => {
    const base = { shuffle: true, seed: 1 }
    const samplers = [
      new DistributedSampler(10),
      new DistributedSampler(10, base),
      new DistributedSampler(11, base),
      new DistributedSampler(10, { ...base, seed: 2 }),
      new DistributedSampler(10, { ...base, replacement: true }),
      new DistributedSampler(10, { weights: range(1, 11) }),
      new DistributedSampler(10, { weights: range(2, 12) }),
    ]
    assert.equal(
      new Set(samplers.map(({ description }) => JSON.stringify(description))).size,
      samplers.length,
    )
  })
})

it('a sampler of 2^53 begins at any position', () => {
  const sampler = new DistributedSampler(2 ** 53, { shuffle: true, rank: 3, worldSize: 1000 })
  const [last] = sampler.iterateFrom(2 ** 53 - 1000, 0)
  assert.ok(Number.isSafeInteger(last))
})

for (const [place, iterate] of [
  ['thread', iterateInWorker],
  ['process', iterateInProcess],
] as const) {
  it(`has the same orders in a ${place}, epoch after epoch`, async () => {
    const cases: DistributedSamplerOptions[] = [
      { rank: 1, worldSize: 2 },
      { shuffle: true, seed: 3 },
      { weights: range(1, 21) },
      { weights: range(1, 21), replacement: false },
    ]
    const far = iterate<readonly (readonly number[])[]>(
      import.meta.resolve('./fixtures/samplers.ts'),
      {
        export: 'orders',
        args: cases,
      },
    )
    await using _ = far
    for (let epoch = 0; epoch < 3; epoch++) {
      const expected = cases.map((options) => [
        ...new DistributedSampler(20, { ...options, epoch }),
      ])
      for await (const orders of far) assert.deepEqual(orders, expected)
    }
  })
}

describe('what is asked of DistributedSampler wrongly is refused, with the rule', () => {
  const cases: [number, object, RegExp][] = [
    [0, {}, /`size` must be an integer >= 1, got 0/],
    [-5, {}, /`size`/],
    [5, { rank: 2, worldSize: 2 }, /`rank` must be less than `worldSize`, which is 2, got 2/],
    [5, { rank: -1 }, /`rank` must be an integer >= 0/],
    [5, { worldSize: 0 }, /`worldSize` must be an integer >= 1/],
    [5, { seed: 0.5 }, /`seed` must be an integer/],
    [5, { epoch: -1 }, /`epoch` must be an integer >= 0/],
    [
      3,
      { worldSize: 4, dropLast: true },
      /`size` must be at least `worldSize`, 4, with `dropLast`/,
    ],
    [9, { worldSize: 4, numDraws: 3, dropLast: true }, /`numDraws` must be at least `worldSize`/],
    [5, { numDraws: 0 }, /`numDraws` must be an integer >= 1/],
    [
      5,
      { numDraws: 6, shuffle: true },
      /`numDraws` must be at most the size, 5, without replacement/,
    ],
    [5, { dropLast: true, padding: true }, /`padding` must be false with `dropLast`/],
    [5, { shuffle: false, replacement: true }, /`shuffle` must be left out or true/],
    [3, { weights: [1, 2] }, /`weights` must be 3 numbers, one for each index/],
    [3, { weights: [1, 2, -1] }, /`weights` must be made of finite numbers >= 0 \(number 2\)/],
    [3, { weights: [1, Number.NaN, 1] }, /`weights`/],
    [3, { weights: [0, 0, 0] }, /`weights` must be not all 0/],
    [3, { weights: [0, 1, 1], replacement: false, numDraws: 3 }, /number of weights above 0, 2/],
    [3, { drop: true }, /unknown option `drop`/],
  ]
  for (const [size, options, message] of cases) {
    it(`${size}, ${JSON.stringify(options)}`, () => {
      assert.throws(() => new DistributedSampler(size, options), {
        code: 'ERR_BAD_OPTION',
        message,
      })
    })
  }

  it('a position or an epoch that is none', () => {
    const sampler = new DistributedSampler(5)
    assert.throws(() => sampler.iterateFrom(6, 0), RangeError)
    assert.throws(() => sampler.iterateFrom(-1, 0), { code: 'ERR_BAD_OPTION' })
    assert.throws(() => sampler.setEpoch(1.5), { code: 'ERR_BAD_OPTION' })
  })
})

describe('rankFromEnvironment', () => {
  const of = (environment: Record<string, string>, options = {}) =>
    rankFromEnvironment({ environment, ...options })

  it('reads RANK and WORLD_SIZE before others', () => {
    assert.deepEqual(of({ RANK: '3', WORLD_SIZE: '8', SLURM_PROCID: '0', SLURM_NTASKS: '2' }), {
      rank: 3,
      worldSize: 8,
    })
  })

  it('reads the index of a Kubernetes job, and takes the number from a variable or an option', () => {
    assert.deepEqual(of({ JOB_COMPLETION_INDEX: '2', JOB_COMPLETIONS: '3' }), {
      rank: 2,
      worldSize: 3,
    })
    assert.deepEqual(of({ JOB_COMPLETION_INDEX: '2' }, { worldSize: 4 }), { rank: 2, worldSize: 4 })
    assert.throws(() => of({ JOB_COMPLETION_INDEX: '2' }), {
      code: 'ERR_NO_RANK',
      message: /JOB_COMPLETIONS.*`worldSize`/,
    })
  })

  it("reads Slurm's", () => {
    assert.deepEqual(of({ SLURM_PROCID: '1', SLURM_NTASKS: '2' }), { rank: 1, worldSize: 2 })
  })

  it('refuses to guess, but for a fallback that is given', () => {
    assert.throws(() => of({}), {
      code: 'ERR_NO_RANK',
      message: /RANK and WORLD_SIZE.*SLURM_PROCID/,
    })
    assert.deepEqual(of({}, { fallback: { rank: 0, worldSize: 1 } }), { rank: 0, worldSize: 1 })
  })

  it('refuses what is no rank', () => {
    for (const [rank, worldSize] of [
      ['2', '2'],
      ['-1', '2'],
      ['x', '2'],
      ['0', '0'],
    ] as const)
      assert.throws(() => of({ RANK: rank, WORLD_SIZE: worldSize }), { code: 'ERR_BAD_OPTION' })
  })
})
