// The results of the ffmpeg command for video: expected values of packages/io/test/video.
import { basename, join } from 'node:path'
import { FILES, ffprobe, run } from './tools.mjs'

const PICTURE = 96 * 64 * 3
const CLIPS = [
  ...[
    'h264.mp4',
    'one-gop.mp4',
    'open-gop.mp4',
    'h264.mkv',
    'h264.m2t',
    'front.mp4',
    'fragments.mp4',
    'hevc.mp4',
    'hevc.mkv',
  ],
  ...[
    'vp8.webm',
    'vp9.webm',
    'av1.mp4',
    'mpeg4.avi',
    'bframes.avi',
    'mjpeg.avi',
    'mpeg2.mpg',
    'raw.h264',
    'late.m2t',
    'sound.mp4',
  ],
]
const AT_RATES = ['h264.mp4', 'h264.mkv', 'late.m2t', 'vp9.webm', 'mpeg4.avi']
const TURNED = { 90: 'transpose=2', 180: 'hflip,vflip', 270: 'transpose=1' }

export function videoTruth({ pictureHashes }) {
  const path = (name) => join(FILES, 'video', name)
  const pictures = (name, filter, ...args) =>
    pictureHashes(decoded(path(name), filter, args), PICTURE)
  const each = (names, of) => Object.fromEntries(names.map((name) => [name, of(name)]))
  return {
    pictures: each(CLIPS, (name) => pictures(name, '').join(' ')),
    timesSec: each([...CLIPS.filter((name) => name !== 'raw.h264'), 'vfr.mp4'], (name) =>
      timesOf(path(name)),
    ),
    atRates: each(AT_RATES, (name) =>
      each(['10', '12.5', '30000/1001'], (rate) => pictures(name, `fps=${rate}`).join(' ')),
    ),
    variableAt10: pictures('vfr.mp4', 'fps=10').join(' '),
    probed: each(CLIPS, (name) => {
      const entries = 'stream=codec_name,width,height,pix_fmt'
      const said = ffprobe(
        '-select_streams',
        'v:0',
        '-show_entries',
        entries,
        '-of',
        'csv=p=0',
        path(name),
      )
      return String(said).split('\n')[0].trim().replace(/,$/, '')
    }),
    turned: each(Object.keys(TURNED), (degrees) =>
      pictures('h264.mp4', `${toRgb('h264.mp4')},${TURNED[degrees]}`, '-frames:v', '1').join(' '),
    ),
  }
}

/**
 * Decodes to rgb24 with the routines of this package: newer versions know where colour is sampled,
 * older ones get it as an option.
 */
function decoded(file, filter, args) {
  const convert = `${toRgb(file)},format=rgb24`
  const filters = filter === '' ? convert : `${filter},${convert}`
  const input = ['-v', 'error', '-noautorotate', '-i', file]
  return run('ffmpeg', [
    ...input,
    ...args,
    '-vf',
    filters,
    '-vsync',
    'passthrough',
    '-f',
    'rawvideo',
    '-',
  ])
}

/** The filter that converts to RGB without scaling. */
function toRgb(file) {
  const isLeft = !/vp8|vp9|av1|mjpeg/.test(basename(file))
  return `scale=flags=bilinear+accurate_rnd:in_h_chr_pos=${isLeft ? 0 : 128}:in_v_chr_pos=128,format=gbrp`
}

/** When pictures are shown, in seconds from the first; `null` where that is not told. */
function timesOf(file) {
  const show = [
    '-select_streams',
    'v:0',
    '-show_entries',
    'frame=best_effort_timestamp_time',
    '-of',
    'json',
  ]
  const { frames } = JSON.parse(String(ffprobe(...show, file)))
  const times = frames.map((frame) => Number(frame.best_effort_timestamp_time))
  return times.map((time) =>
    Number.isNaN(time) ? null : Math.round((time - times[0]) * 1e6) / 1e6,
  )
}
