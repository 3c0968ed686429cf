// The shipped photographs, copied until there are enough, in a folder that is removed again.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PHOTOS = fileURLToPath(new URL('../../examples/photos/', import.meta.url))

export function makeInputs(count) {
  const photos = readdirSync(PHOTOS).filter((name) => /\.(jpg|png|webp|gif|avif)$/.test(name))
  const sets = {
    'all photographs': photos,
    'jpeg 500x375': photos.filter((name) => /-[12]\.jpg$/.test(name) && !name.startsWith('retina')),
  }
  const root = mkdtempSync(join(tmpdir(), 'spindle-images-'))
  return {
    sets: Object.entries(sets).map(([name, files]) => ({
      name,
      folder: tile(join(root, name), files, count),
    })),
    remove: () => rmSync(root, { recursive: true }),
  }
}

function tile(folder, files, count) {
  mkdirSync(folder)
  for (let i = 0; i < count; i++) {
    const name = files[i % files.length]
    copyFileSync(join(PHOTOS, name), join(folder, `${String(i).padStart(5, '0')}${extname(name)}`))
  }
  return folder
}
