import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SegmentPool } from 'spindle'
import { throwsCode } from '../../support/consume.ts'
import { attempt, inProcess, inThread, take, upTo, type Way, ways } from './support.ts'

interface Picture {
  readonly n: number
  readonly pixels: Uint8Array
  readonly label: Float32Array
}

const release = (view: ArrayBufferView): void => void SegmentPool.leaseOf(view)?.release()

describe('a pipeline in a thread with an arena', () => {
  it('has its large arrays arrive in shared memory that is used again, epoch after epoch', async () => {
    const arena = new SegmentPool({ segmentBytes: 2 ** 16, maxBytes: 2 ** 20 })
    await using loader = inThread.run<Picture>('pictures', {
      arena,
      args: { count: 200 },
      bufferSize: 8,
    })
    for (const way of ways) {
      let n = 0
      const check = ({ n: number, pixels, label }: Picture): void => {
        assert.equal(number, n++)
        assert.ok(pixels instanceof Uint8Array && pixels.buffer instanceof SharedArrayBuffer)
        assert.equal(pixels.length, 20_000)
        assert.ok(pixels.every((byte) => byte === number % 256))
        assert.ok(label.buffer instanceof ArrayBuffer)
        release(pixels)
      }
      if (way === 'for') for (const picture of loader) check(picture)
      else for await (const picture of loader) check(picture)
      assert.equal(n, 200)
    }
    assert.equal(arena.stats().usedBytes, 0)
  })

  it('loses nothing when the arena is full: what has no place there is copied', async () => {
    const arena = new SegmentPool({ segmentBytes: 2 ** 16, maxBytes: 2 ** 18 })
    await using loader = inThread.run<Picture>('pictures', { arena, args: { count: 40 } })
    const all = await take(loader, 'for')
    assert.deepEqual(
      all.map(({ pixels }) => pixels[19_999]),
      upTo(40),
    )
    const shared = all.filter(({ pixels }) => pixels.buffer instanceof SharedArrayBuffer)
    assert.ok(shared.length > 0 && shared.length < 40)
    for (const { pixels } of all) release(pixels)
    assert.equal(arena.stats().usedBytes, 0)
  })

  it('passes on what the module has written there, and all its views together', async () => {
    const arena = new SegmentPool()
    interface Written {
      readonly n: number
      readonly pixels: Float32Array
      readonly halves: readonly Float32Array[]
    }
    await using loader = inThread.run<Written>('inPlace', { arena })
    for (const way of ways) {
      for (const { n, pixels, halves } of await take(loader, way)) {
        assert.ok(pixels.every((value) => value === n))
        const [one, other] = halves as [Float32Array, Float32Array]
        assert.equal(one.length + other.length, 2000)
        assert.equal(SegmentPool.leaseOf(one), SegmentPool.leaseOf(pixels))
        pixels[1500] = -1
        assert.equal(other[500], -1)
        release(pixels)
      }
    }
    assert.equal(arena.stats().usedBytes, 0)
  })

  it('fails if the module gives memory back that it has given away', async () => {
    const arena = new SegmentPool()
    await using loader = inThread.run('tooEarly', { arena })
    // Unless it arrived before.
    const { error } = await attempt(loader, 'for')
    if (error !== undefined) assert.equal((error as { code: string }).code, 'ERR_STALE_VIEW')
  })

  it('has back what a thread held that died', async () => {
    const arena = new SegmentPool()
    const args = { count: 100, at: 30 }
    for (const way of ['for await', 'for'] satisfies Way[]) {
      const loader = inThread.run<{ pixels: Float32Array }>('inPlace', { arena, args })
      const { given, error } = await attempt(loader, way)
      assert.equal((error as { code: string }).code, 'ERR_WORKER_DIED')
      await loader.stop()
      for (const { pixels } of given) release(pixels)
      assert.equal(arena.stats().usedBytes, 0)
    }
  })

  it('is refused where it cannot be', () => {
    throwsCode(
      () => inProcess.run('pictures', { arena: new SegmentPool() }),
      'ERR_BAD_OPTION',
      /other processes/,
    )
    throwsCode(
      () => inThread.run('pictures', { arena: {} as SegmentPool }),
      'ERR_BAD_OPTION',
      /a SegmentPool/,
    )
  })
})
