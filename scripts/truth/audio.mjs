// The results of the ffmpeg command and sox for sound: expected values of packages/io/test/audio.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FILES, ffmpeg, ffprobe, run } from './tools.mjs'

const SWEEPS = [
  ...[
    'tones.wav',
    'low.wav',
    'sweep.mp3',
    'noxing.mp3',
    'sweep.m4a',
    'sweep.aac',
    'sweep.opus',
    'sweep.ogg',
    'sweep.mka',
  ],
  ...[
    'sweep.webm',
    'sweep.m2t',
    'sweep.flac',
    'flac.ogg',
    'sweep.aiff',
    'adpcm.wav',
    's24.flac',
    'video.mp4',
  ],
]

/** `pathOf` gives the WAV files that are generated, not checked in. */
export function audioTruth({ pathOf, sketchOf, md5 }) {
  const path = (name) => pathOf(name) ?? join(FILES, 'audio', name)
  const decoded = (file, ...args) => floats(ffmpeg('-i', file, '-vn', ...args, '-f', 'f32le', '-'))
  const each = (names, of) => Object.fromEntries(names.map((name) => [name, of(path(name))]))
  return {
    decoded: each(SWEEPS, (file) => sketchOf(decoded(file))),
    mono: each(SWEEPS, (file) => sketchOf(decoded(file, '-ac', '1', '-ar', '16000'))),
    integers: each(['tones.wav', 'sweep.flac', 's24.flac', 'sweep.aiff'], (file) =>
      Object.fromEntries(
        Object.entries({ int16: 's16le', int32: 's32le', uint8: 'u8' }).map(([dtype, format]) => [
          dtype,
          md5(ffmpeg('-i', file, '-f', format, '-')),
        ]),
      ),
    ),
    mixed: each(['5.1.flac', '6.1.flac'], (file) =>
      sketchOf(shorts(ffmpeg('-i', file, '-ac', '2', '-f', 's16le', '-'))),
    ),
    probed: each(SWEEPS, (file) => {
      const entries = 'stream=codec_name,sample_rate,channels'
      const said = ffprobe('-select_streams', 'a', '-show_entries', entries, '-of', 'csv=p=0', file)
      return String(said).split('\n')[0].trim()
    }),
    written: each(
      ['flac', 'mp3', 'm4a', 'opus', 'ogg'].map((format) => `written.${format}`),
      (file) => sketchOf(decoded(file)),
    ),
  }
}

/** Another resampler, and another reader of FLAC. */
export function soxTruth({ pathOf, sketchOf, md5, scratch }) {
  const low = join(scratch, 'low-by-sox.f32')
  run('sox', [
    '-D',
    pathOf('tone.wav'),
    '-r',
    '16000',
    '-e',
    'floating-point',
    '-b',
    '32',
    '-t',
    'f32',
    low,
  ])
  return {
    // Without the ends, where filters differ.
    resampled: sketchOf(floats(readFileSync(low)).subarray(100, 15_900)),
    flac: md5(run('sox', [join(FILES, 'audio/written.flac'), '-t', 's16', '-'])),
  }
}

function floats(bytes) {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

function shorts(bytes) {
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}
