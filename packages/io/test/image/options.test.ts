import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Rng } from 'spindle'
import { type LoadImageOptions, loadImage, loadImageBatch } from '../../src/index.ts'
import { photo } from '../support.ts'

const rng = Rng.from(1)
const cat = photo('cat-small.jpg')

describe('options', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ width: 0 }, /^`width` must be an integer from 1 to 32768, got 0$/],
    [{ height: 2.5 }, /^`height` must be an integer from 1 to 32768, got 2\.5$/],
    [{ width: '224' }, /`width` .* got '224'$/],
    [{ width: Number.NaN }, /`width` .* got NaN$/],
    [{ height: 40000 }, /`height` .* got 40000$/],
    [{ mode: 'fill' }, /^`mode` must be 'pad' or 'crop' or 'stretch' or 'shorter', got 'fill'$/],
    [
      { mode: 'shorter' },
      /^`width` must be given with `mode: 'shorter'`, or `height`, got undefined$/,
    ],
    [
      { algorithm: 'cubic' },
      /^`algorithm` must be 'bilinear' or 'bicubic' or 'area' or 'lanczos' or 'nearest', got 'cubic'$/,
    ],
    [{ layout: 'NCHW' }, /^`layout` must be 'HWC' or 'CHW', got 'NCHW'$/],
    [{ pixelFormat: 'grey' }, /^`pixelFormat` must be 'rgb24' or .* or 'nv12', got 'grey'$/],
    [{ pixelFormat: 'nv12', width: 7 }, /^`width` must be even for 'nv12', got 7$/],
    [{ pixelFormat: 'yuv420p', height: 7 }, /^`height` must be even for 'yuv420p', got 7$/],
    [{ pixelFormat: 'yuv420p', layout: 'CHW' }, /^`layout` must be left out for 'yuv420p'/],
    [{ pixelFormat: 'rgba', normalize: {} }, /^`normalize` must be left out for 'rgba'/],
    [
      { normalize: { mean: [0, 0] } },
      /^`normalize\.mean` must be a number, or 3 of them, got \[0, 0\]$/,
    ],
    [{ normalize: { std: [1, 0, 1] } }, /^`normalize\.std` must be without a 0, got \[1, 0, 1\]$/],
    [{ normalize: { sd: 1 } }, /^unknown option `sd` of `normalize`/],
    [{ normalize: 3 }, /^`normalize` must be an object, got 3$/],
    [{ frames: 'last' }, /^`frames` must be 'first' or 'all', got 'last'$/],
    [{ shrinkOnDecode: 1 }, /^`shrinkOnDecode` must be true or false, got 1$/],
    [
      { augment: { crop: true } },
      /^`rng` must be given with `augment`: an Rng, as `context.rng` is, got undefined$/,
    ],
    [{ augment: { zoom: 2 }, rng }, /^unknown option `zoom` of `augment`/],
    [
      { augment: { crop: { area: [0.5, 0.2] } }, rng },
      /^`augment\.crop\.area` must be two numbers.*got \[0\.5, 0\.2\]$/,
    ],
    [
      { augment: { crop: 'yes' }, rng },
      /^`augment\.crop` must be true, false or \{ area, aspect \}, got 'yes'$/,
    ],
    [
      { augment: { flipHorizontal: 2 }, rng },
      /^`augment\.flipHorizontal` must be a number from 0 to 1, got 2$/,
    ],
    [
      { augment: { rotate: 181 }, rng },
      /^`augment\.rotate` must be a number from 0 to 180, got 181$/,
    ],
    [
      { augment: { rotate: 1 }, rng, pixelFormat: 'nv12' },
      /^`augment\.rotate` must be 0 for 'nv12', got 1$/,
    ],
    [{ backend: 'vips' }, /^`backend` must be 'ffmpeg' or 'sharp', got 'vips'$/],
    [{ signal: {} }, /^`signal` must be an AbortSignal, got {}$/],
    [{ widht: 224 }, /^unknown option `widht`; known are width, .*; did you mean `width`\?$/],
    [{ strict: false }, /unknown option `strict`/],
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
    const options = {
      width: undefined,
      mode: undefined,
      signal: undefined,
    } as unknown as LoadImageOptions
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
    await refuse(
      [cat],
      { ...size, mode: 'shorter' },
      /^`mode` must be one that gives all images one size/,
    )
    await refuse(
      [cat],
      { ...size, frames: 'all' },
      /^`frames` must be 'first' for a batch, got 'all'$/,
    )
    await refuse([cat], { ...size, shared: 1 }, /^`shared` must be true or false, got 1$/)
    await refuse([cat], { ...size, strict: 1 }, /^`strict` must be true or false, got 1$/)
    await refuse(
      [cat],
      { ...size, concurrency: 0 },
      /^`concurrency` must be an integer from 1 to 1024, got 0$/,
    )
  })
})
