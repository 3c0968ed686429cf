// Makes the pictures of docs/images.md, with the library that they are about: npm run build && node
// docs/pictures/make-images.mjs
import { fileURLToPath } from 'node:url'
import { loadImage, saveImage } from '@spindle/io'
import { Rng } from 'spindle'

const photo = (name) => fileURLToPath(new URL(`../../examples/photos/${name}`, import.meta.url))
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const save = (name, image, options) =>
  saveImage(here(`images-${name}.jpg`), image, { quality: 85, ...options })

// Modes: a picture of 900x250 in a frame of 150x150.
const wide = photo('pasture-wide.jpg')
await save('original', await loadImage(wide, { width: 450 }))
for (const mode of ['pad', 'crop', 'stretch']) {
  await save(mode, await loadImage(wide, { width: 150, height: 150, mode }))
}
await save('shorter', await loadImage(wide, { width: 150, mode: 'shorter' }))

// Pixel formats: each plane as the grey picture that its samples are.
const size = { width: 160, height: 120 }
const dahlia = photo('dahlia-1.jpg')
await save('rgb24', await loadImage(dahlia, size))
const { data, shape } = await loadImage(dahlia, { ...size, layout: 'CHW' })
const [, height, width] = shape
await save('chw', { data, dtype: 'uint8', shape: [3 * height, width] })
for (const pixelFormat of ['yuv420p', 'nv12']) {
  await save(pixelFormat, await loadImage(dahlia, { ...size, pixelFormat }))
}
const grey = await loadImage(dahlia, { ...size, pixelFormat: 'gray8' })
await save('gray8', grey)
// bgr24 as it looks to who takes it for rgb24.
await save('bgr24', await loadImage(dahlia, { ...size, pixelFormat: 'bgr24' }))

// Algorithms: a small picture made six times as large, and a large one small.
const eye = await loadImage(photo('cat-1.png'), {
  width: 40,
  height: 30,
  mode: 'crop',
  algorithm: 'area',
})
const small = here('eye.png')
await saveImage(small, eye)
for (const algorithm of ['nearest', 'bilinear', 'bicubic', 'lanczos', 'area']) {
  await save(`up-${algorithm}`, await loadImage(small, { width: 160, algorithm }))
  await save(
    `down-${algorithm}`,
    await loadImage(photo('brick-grey.jpg'), { width: 80, algorithm }),
    {
      quality: 95,
    },
  )
}
const { rmSync } = await import('node:fs')
rmSync(small)

// Augmentation: the same photograph, four times.
const augment = { crop: { area: [0.3, 0.9] }, flipHorizontal: 0.5, rotate: 12 }
const rng = Rng.from(4)
for (let i = 1; i <= 4; i++) {
  await save(
    `augmented-${i}`,
    await loadImage(photo('dogs-turned.jpg'), { width: 120, height: 120, augment, rng }),
  )
}
