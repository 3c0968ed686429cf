// The results of the ffmpeg command for packets, frames, filters and written files: expected values
// of packages/io/test/chain.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FILES, ffprobe, run } from './tools.mjs'

const RAW = [
  'rgb24',
  'rgba',
  'gray',
  'yuv444p',
  'gbrp',
  'nv12',
  'yuv422p',
  'yuv420p10le',
  'gray16le',
  'odd',
].map((format) => `raw-${format}.nut`)
const PCM = { 'pcm_s16le.nut': 's16le', 'pcm_s16le_planar.nut': 's16le', 'pcm_f32le.nut': 'f32le' }

export function mediaTruth({ md5, scratch, written, filterText }) {
  const path = (name) => join(FILES, 'media', name)
  const raw = (file, ...args) =>
    run('ffmpeg', ['-v', 'error', '-i', file, '-fps_mode', 'passthrough', ...args, '-'])
  const unpacked = (name) => {
    const file = join(scratch, name)
    writeFileSync(file, gunzipSync(readFileSync(path(`${name}.gz`))))
    return file
  }
  const each = (names, of) => Object.fromEntries(names.map((name) => [name, of(name)]))
  const groups = path('groups.mp4')
  return {
    packets: {
      video: probed(groups, 'v:0', 'packet', 'pts,dts,size,flags'),
      audio: probed(groups, 'a:0', 'packet', 'pts,dts,size,flags'),
      soundFirst: probed(path('sound-first.mkv'), 'a:0', 'packet', 'pts,dts,size,flags'),
    },
    frames: probed(groups, 'v:0', 'frame', 'pts,pict_type'),
    pictures: md5(raw(groups, '-map', '0:v', '-f', 'rawvideo')),
    samples: each(Object.keys(PCM), (name) => md5(raw(unpacked(name), '-f', PCM[name]))),
    layouts: each(RAW, (name) => md5(raw(unpacked(name), '-f', 'rawvideo'))),
    filtered: { [filterText]: md5(raw(groups, '-vf', filterText, '-f', 'rawvideo')) },
    lossless: Object.fromEntries(
      written.LOSSLESS.map(({ name, args, write }) => {
        const file = write(scratch)
        return [name, { written: written.writtenIn(file), read: md5(raw(file, ...args)) }]
      }),
    ),
    remuxed: {
      ...each([...written.CONTAINERS], (format) => {
        const bytes = written.remuxed(format)
        const file = join(scratch, `remuxed.${format}`)
        writeFileSync(file, bytes)
        return {
          written: written.writtenIn(bytes),
          read: md5(raw(file, '-map', '0:v', '-f', 'rawvideo')),
        }
      }),
      'matroska, mp4': remuxedTwice(),
    },
    saved: each(Object.keys(written.SAVED), (extension) => {
      const file = join(scratch, `saved.${extension}`)
      written.saved(file)
      const [width] = probed(file, 'v:0', 'frame', 'width')
      const packets = probed(file, 'v:0', 'packet', 'pts').length
      return { written: written.writtenIn(file, { areExact: false }), read: { width, packets } }
    }),
    colours: colours(),
  }

  function remuxedTwice() {
    const file = join(scratch, 'again.mp4')
    written.remuxedAgain(file)
    return {
      written: written.writtenIn(file),
      read: md5(raw(file, '-map', '0:v', '-f', 'rawvideo')),
    }
  }

  /** Minimum and maximum of each picture's red, green and blue. */
  function colours() {
    const file = join(scratch, 'colours.mp4')
    written.saveColours(file)
    const bytes = raw(file, '-f', 'rawvideo', '-pix_fmt', 'rgb24')
    const values = (picture, channel) =>
      bytes.subarray(picture * 3072, (picture + 1) * 3072).filter((_, i) => i % 3 === channel)
    const read = Array.from({ length: bytes.length / 3072 }, (_, picture) =>
      [0, 1, 2].map((channel) => {
        const all = values(picture, channel)
        return [Math.min(...all), Math.max(...all)]
      }),
    )
    return { written: written.writtenIn(file, { areExact: false }), read }
  }
}

/** ffprobe's line for each packet or frame of a stream. */
function probed(path, stream, what, fields) {
  const show = ['-select_streams', stream, '-show_entries', `${what}=${fields}`, '-of', 'csv=p=0']
  return String(ffprobe(...show, path))
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.replace(/,+$/, ''))
}
