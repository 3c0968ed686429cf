// The inputs, made from what the project ships, in a temporary folder: photographs, tar files of
// them, video clips and sounds.
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadImage, tarShards } from '@spindle/io'
import { saveAudioSync, saveVideoSync } from '@spindle/io/sync'
import { PipelineBuilder } from 'spindle'

const PHOTOS = fileURLToPath(new URL('../../examples/photos/', import.meta.url))
const CLIPS = { count: 24, seconds: 8, frameRate: 30, gopSize: 60, width: 640, height: 360 }
const SOUNDS = { formats: ['mp3', 'flac', 'ogg', 'm4a'], each: 40, seconds: 12, sampleRate: 44100 }

/** A folder for the inputs, and what removes it. */
export function inputFolder() {
  const root = mkdtempSync(join(tmpdir(), 'spindle-end-to-end-'))
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/**
 * JPEG files of mixed sizes, 160x120 to 1600x1200: the shipped photographs under many names. CMYK
 * and turned ones stay away, because not every contestant reads them in the same way.
 */
export function makePhotos(root, count) {
  const names = readdirSync(PHOTOS).filter((name) => /(?<!cmyk|turned)\.jpg$/.test(name))
  const originals = join(root, 'originals')
  const folder = join(root, 'photos')
  mkdirSync(originals)
  mkdirSync(folder)
  for (const name of names) writeFileSync(join(originals, name), readFileSync(join(PHOTOS, name)))
  for (let i = 0; i < count; i++) {
    const name = `${String(i).padStart(5, '0')}.jpg`
    linkSync(join(originals, names[i % names.length]), join(folder, name))
  }
  return folder
}

/** The same photographs in tar files of 256, as webdataset reads them. */
export async function makeTars(root, photos) {
  const folder = join(root, 'tars')
  await new PipelineBuilder()
    .addSource(readdirSync(photos).sort())
    .pipe((name) => ({
      __key__: name.slice(0, -4),
      files: { jpg: readFileSync(join(photos, name)) },
    }))
    .addSink()
    .build()
    .writeTo(tarShards(folder, { maxRecords: 256 }))
  for (const name of readdirSync(folder))
    if (!name.endsWith('.tar')) rmSync(join(folder, name), { recursive: true })
  return folder
}

/** H.264 clips: a window that moves over a photograph, with some noise as from a camera. */
export async function makeClips(root) {
  const folder = join(root, 'clips')
  mkdirSync(folder)
  const { count, seconds, frameRate, gopSize, width, height } = CLIPS
  const names = readdirSync(PHOTOS).filter((name) => /-large\.jpg$/.test(name))
  const frames = seconds * frameRate
  const data = new Uint8Array(frames * height * width * 3)
  for (let clip = 0; clip < count; clip++) {
    const wide = { width: width + frames, height: height + 60, mode: 'crop' }
    const photo = await loadImage(join(PHOTOS, names[clip % names.length]), wide)
    let seed = clip + 1
    for (let frame = 0; frame < frames; frame++) {
      for (let row = 0; row < height; row++) {
        const from = ((row + (frame >> 2)) * wide.width + frame) * 3
        const to = (frame * height + row) * width * 3
        data.set(photo.data.subarray(from, from + width * 3), to)
      }
      const [start, end] = [frame * height * width * 3, (frame + 1) * height * width * 3]
      for (let i = start + (seed % 17); i < end; i += 17) {
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        data[i] = Math.min(255, data[i] + (seed >> 27))
      }
    }
    const array = { data, dtype: 'uint8', shape: [frames, height, width, 3] }
    const encoderOptions = { preset: 'veryfast', crf: '23' }
    saveVideoSync(join(folder, `${String(clip).padStart(2, '0')}.mp4`), array, {
      frameRate,
      gopSize,
      encoderOptions,
      threads: 0,
    })
  }
  return folder
}

/** Two channels with a rising tone and noise, different in each file. */
export function makeSounds(root) {
  const folder = join(root, 'sounds')
  mkdirSync(folder)
  const { formats, each, seconds, sampleRate } = SOUNDS
  const samples = seconds * sampleRate
  const data = new Int16Array(2 * samples)
  let seed = 1
  for (let file = 0; file < each; file++) {
    for (let i = 0; i < samples; i++) {
      const t = i / sampleRate
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      data[i] = 12000 * Math.sin(2 * Math.PI * (200 + (80 + file) * t) * t) + (seed >> 23)
      data[samples + i] = 12000 * Math.sin(2 * Math.PI * (900 - 30 * t) * t) + (seed >> 23)
    }
    const sound = { data, dtype: 'int16', shape: [2, samples], sampleRate, layout: 'CT' }
    for (const format of formats)
      saveAudioSync(join(folder, `${String(file).padStart(2, '0')}.${format}`), sound)
  }
  return folder
}
