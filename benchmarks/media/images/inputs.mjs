// The shipped photographs and files made from them, copied until there are enough, in a temporary
// folder.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const PHOTOS = fileURLToPath(new URL('../../../examples/photos/', import.meta.url))

/**
 * Makes each set: the number of its files out of `count` (large pictures take longer), and its
 * different files.
 */
export async function makeInputs(count, wanted, own) {
  const names = readdirSync(PHOTOS).filter((name) => /\.(jpg|png|webp|gif|avif)$/.test(name))
  const photos = names.map((name) => [extname(name), readFileSync(join(PHOTOS, name))])
  const small = names
    .filter((name) => /-[12]\.jpg$/.test(name) && !name.startsWith('retina'))
    .map((name) => readFileSync(join(PHOTOS, name)))
  const again = (ending, convert) => () =>
    Promise.all(small.map(async (bytes) => [ending, await convert(sharp(bytes)).toBuffer()]))
  const sets = {
    'jpeg 500x375': [1, () => small.map((bytes) => ['.jpg', bytes])],
    'jpeg 1920x1080': [0.25, enlarged],
    'png 500x375': [0.5, again('.png', (image) => image.png())],
    'webp 500x375': [0.5, again('.webp', (image) => image.webp({ quality: 80 }))],
    'all photographs': [1, () => photos],
    ...(own ? { 'own 1920x1080': [0.25, () => cut(own)] } : {}),
  }
  const root = mkdtempSync(join(tmpdir(), 'spindle-images-'))
  const made = []
  for (const [name, [share, files]] of Object.entries(sets)) {
    if (wanted && !wanted.includes(name)) continue
    made.push({
      name,
      folder: fill(join(root, name.replaceAll(' ', '-')), await files(), Math.round(count * share)),
    })
  }
  return { sets: made, remove: () => rmSync(root, { recursive: true }) }
}

function fill(folder, files, count) {
  mkdirSync(folder)
  for (let i = 0; i < count; i++) {
    const [ending, bytes] = files[i % files.length]
    writeFileSync(join(folder, `${String(i).padStart(5, '0')}${ending}`), bytes)
  }
  return folder
}

/**
 * The large photographs, of 1280 to 1600 columns, enlarged to 1920 and cropped: they have as much
 * detail as camera pictures of that size.
 */
async function enlarged() {
  const options = { width: 1920, height: 1080, fit: 'cover' }
  return Promise.all(
    large.flatMap((bytes) =>
      ['top', 'bottom'].map(async (position) => [
        '.jpg',
        await sharp(bytes)
          .resize({ ...options, position })
          .jpeg({ quality: 90 })
          .toBuffer(),
      ]),
    ),
  )
}

/** Two parts of each photograph in a folder that is large enough. */
async function cut(folder) {
  const parts = []
  for (const name of readdirSync(folder, { recursive: true }).filter((file) =>
    /\.jpe?g$/i.test(file),
  )) {
    const photo = sharp(join(folder, name))
    const { width, height } = await photo.metadata()
    if (width < 1920 || height < 1080) continue
    for (const [left, top] of [
      [0, 0],
      [width - 1920, height - 1080],
    ]) {
      const part = photo.clone().extract({ left, top, width: 1920, height: 1080 })
      parts.push(['.jpg', await part.jpeg({ quality: 90 }).toBuffer()])
    }
  }
  return parts
}

const large = ['mountains', 'stream', 'dandelions'].map((name) =>
  readFileSync(join(PHOTOS, `${name}-large.jpg`)),
)
