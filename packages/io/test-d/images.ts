// The dtype of an image follows from its options, and misspelt ones do not compile. Compiled by
// `npm run types`, never run.
import { type LoadImageOptions, loadImage, loadImageBatch, type NdArray } from '@spindle/io'
import { loadImageBatchSync, loadImageSync } from '@spindle/io/sync'

const size = { width: 8, height: 8 }

export const plain: NdArray<'uint8'> = await loadImage('a.jpg')
export const sized: NdArray<'uint8'> = await loadImage('a.jpg', size)
export const literal: NdArray<'uint8'> = loadImageSync('a.jpg', {
  ...size,
  mode: 'crop',
  pixelFormat: 'nv12',
})
export const deep: NdArray<'uint16'> = await loadImage('a.png', { pixelFormat: 'gray16' })
export const float: NdArray<'float32'> = await loadImage('a.png', {
  pixelFormat: 'gray16',
  normalize: {},
})
export const batch: NdArray<'float32'> = await loadImageBatch(['a.png'], {
  ...size,
  normalize: { mean: 0.5 },
})
export const wide: NdArray<'uint16'> = loadImageBatchSync(['a.png'], {
  ...size,
  pixelFormat: 'gray16',
})

declare const anyOptions: LoadImageOptions
export const open: NdArray<'uint8' | 'uint16' | 'float32'> = await loadImage('a.png', anyOptions)
// @ts-expect-error: these may be any
export const closed: NdArray<'uint8'> = await loadImage('a.png', anyOptions)
// @ts-expect-error: normalised images are float32
export const wrong: NdArray<'uint8'> = await loadImage('a.png', { normalize: {} })
// @ts-expect-error: misspelt
await loadImage('a.png', { widht: 8 })
// @ts-expect-error: no such mode
await loadImage('a.png', { ...size, mode: 'fill' })
// @ts-expect-error: a batch needs both sides
await loadImageBatch(['a.png'], { width: 8 })
// @ts-expect-error: a Blob must be waited for
loadImageSync(new Blob([]))
