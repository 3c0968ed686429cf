import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LoadImageOptions, loadImage, loadImageBatch } from '../src/index.ts'
import { photo } from './support.ts'

const cat = photo('cat-small.jpg')

describe('options', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ width: 0 }, /^`width` must be an integer from 1 to 32768, got 0$/],
    [{ height: 2.5 }, /^`height` must be an integer from 1 to 32768, got 2\.5$/],
    [{ width: '224' }, /`width` .* got "224"$/],
    [{ width: Number.NaN }, /`width` .* got NaN$/],
    [{ height: 40000 }, /`height` .* got 40000$/],
    [{ mode: 'fill' }, /^`mode` must be 'pad' or 'crop' or 'stretch', got "fill"$/],
    [{ layout: 'NCHW' }, /^`layout` must be 'HWC' or 'CHW', got "NCHW"$/],
    [{ pixelFormat: 'gray8' }, /^`pixelFormat` must be 'rgb24', got "gray8"$/],
    [{ backend: 'vips' }, /^`backend` must be 'ffmpeg' or 'sharp', got "vips"$/],
    [{ signal: {} }, /^`signal` must be an AbortSignal, got an object \(Object\)$/],
    [{ widht: 224 }, /^`options` must be made of width, .*, got "widht"$/],
    [{ strict: false }, /got "strict"$/],
  ]
  for (const [options, message] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      await assert.rejects(loadImage(cat, options as LoadImageOptions), {
        name: 'MediaError',
        code: 'ERR_BAD_OPTION',
        message,
      })
    })
  }

  it('refuses what is no source', async () => {
    for (const source of [undefined, null, 7, '', [], new Float32Array(3)]) {
      await assert.rejects(loadImage(source as unknown as string), {
        code: 'ERR_BAD_OPTION',
        message: /^`source` must be/,
      })
    }
  })

  it('takes undefined for not given', async () => {
    const options = { width: undefined, mode: undefined, signal: undefined } as unknown as LoadImageOptions
    assert.deepEqual((await loadImage(cat, options)).shape, [120, 160, 3])
  })

  it('refuses a batch that is not well defined', async () => {
    const size = { width: 8, height: 8 }
    const refuse = (sources: unknown, options: unknown, message: RegExp): Promise<void> =>
      assert.rejects(loadImageBatch(sources as string[], options as typeof size), {
        code: 'ERR_BAD_OPTION',
        message,
      })
    await refuse([], size, /^`sources` must be an array of at least one source, got \[\]$/)
    await refuse([cat, 5], size, /^`sources\[1\]` must be a path/)
    await refuse([cat], { width: 8 }, /^`height` must be given for a batch/)
    await refuse([cat], undefined, /^`options` must be an object, got undefined$/)
    await refuse([cat], { height: 8 }, /^`width` must be given for a batch/)
    await refuse([cat], { ...size, strict: 1 }, /^`strict` must be true or false, got 1$/)
    await refuse(
      [cat],
      { ...size, concurrency: 0 },
      /^`concurrency` must be an integer from 1 to 1024, got 0$/,
    )
  })
})
