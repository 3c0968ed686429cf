import { mkdirSync } from 'node:fs'
import { saveImage } from '@spindle/io'

/** Makes a folder with a few pictures, for a first run without pictures of your own. */
export async function makeSample(folder = 'sample', count = 40): Promise<string> {
  mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) {
    const data = new Uint8Array(60 * 80 * 3).map((_, at) => (at * (i + 1) + i * 37) % 251)
    await saveImage(`${folder}/${i}.jpg`, { data, dtype: 'uint8', shape: [60, 80, 3] })
  }
  return folder
}
