// The media files in packages/io/test/truth/files: what makes each of them. All pictures and sounds
// are generated, so the files are under this repository's licence. Small ones: 96x64 or 64x48
// pictures, seconds long.
const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-threads', '1']
const H264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-threads', '1', '-bf', '2']
const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-x265-params']
const VP9 = [
  '-c:v',
  'libvpx-vp9',
  '-g',
  '25',
  '-b:v',
  '400k',
  '-cpu-used',
  '8',
  '-deadline',
  'realtime',
]

/** What a raw picture may be laid out as. */
const PIXEL_FORMATS = [
  'rgb24',
  'rgba',
  'gray',
  'yuv444p',
  'gbrp',
  'nv12',
  'yuv422p',
  'yuv420p10le',
  'gray16le',
]

/** Arguments of the ffmpeg command, by the file's name; an input's name stands for its path. */
export const INPUTS = {
  ...prefixed('audio/', audio()),
  ...prefixed('video/', video()),
  ...prefixed('media/', media()),
}

/**
 * Sound is made of `tones.wav` and `low.wav`, which the package's own WAV writer makes of a sweep:
 * 5 s at 44.1 kHz and at 8 kHz.
 */
function audio() {
  const tones = ['-i', 'tones.wav']
  const low = ['-i', 'low.wav']
  const lossy = [...tones, '-b:a', '64k']
  const tonesOf = (layout, count) => [
    ...['-f', 'lavfi', '-i'],
    `aevalsrc=${Array.from({ length: count }, (_, i) => `sin(${(i + 2) * 700}*t)/4`).join('|')}:c=${layout}:s=8000:d=0.5`,
  ]
  const sine = ['-f', 'lavfi', '-i', 'sine=300:d=1', '-f', 'lavfi', '-i', 'sine=900:d=1:r=8000']
  return {
    'sweep.mp3': lossy,
    'noxing.mp3': [...lossy, '-write_xing', '0', '-id3v2_version', '0'],
    'sweep.m4a': [...lossy, '-c:a', 'aac'],
    'sweep.aac': [...lossy, '-c:a', 'aac'],
    'sweep.opus': lossy,
    'sweep.ogg': lossy,
    'sweep.mka': [...lossy, '-c:a', 'libvorbis'],
    'sweep.webm': [...lossy, '-c:a', 'libopus'],
    'sweep.m2t': [...lossy, '-c:a', 'aac'],
    'sweep.flac': low,
    'flac.ogg': [...low, '-c:a', 'flac'],
    'sweep.aiff': low,
    'adpcm.wav': [...low, '-c:a', 'adpcm_ms'],
    's24.flac': [...low, '-c:a', 'flac', '-sample_fmt', 's32'],
    'video.mp4': [
      ...['-f', 'lavfi', '-i', 'testsrc=d=5:s=64x48:r=10', ...lossy],
      ...['-c:v', 'mpeg4', '-c:a', 'aac'],
    ],
    '5.1.flac': tonesOf('5.1', 6),
    '6.1.flac': tonesOf('6.1', 7),
    'two.mka': [...sine, '-map', '0', '-map', '1', '-c:a', 'flac'],
    'late.mka': ['-itsoffset', '5', '-i', 'audio/sweep.flac', '-c', 'copy', '-copyts'],
  }
}

/** Moving bars with a counter, 3 s of 25 pictures each: no picture is like another. */
function video() {
  const clips = {
    'h264.mp4': [...X264, '-g', '25', '-bf', '3'],
    'one-gop.mp4': [...X264, '-g', '1000'],
    'open-gop.mp4': [...X264, '-g', '25', '-bf', '3', '-x264-params', 'open-gop=1'],
    'h264.mkv': [...X264, '-g', '25', '-bf', '2'],
    'h264.m2t': [...X264, '-g', '25', '-bf', '2'],
    'front.mp4': [...X264, '-g', '25', '-movflags', 'faststart'],
    'fragments.mp4': [...X264, '-g', '25', '-movflags', 'frag_keyframe+empty_moov'],
    'hevc.mp4': [...X265, 'log-level=none:keyint=25:open-gop=1'],
    'hevc.mkv': [...X265, 'log-level=none:keyint=25:open-gop=0'],
    'vp8.webm': [
      '-c:v',
      'libvpx',
      '-g',
      '25',
      '-b:v',
      '400k',
      '-auto-alt-ref',
      '1',
      '-lag-in-frames',
      '16',
    ],
    'vp9.webm': VP9,
    'av1.mp4': ['-c:v', 'libsvtav1', '-preset', '12', '-g', '25'],
    'mpeg4.avi': ['-c:v', 'mpeg4', '-g', '12', '-q:v', '6'],
    'bframes.avi': ['-c:v', 'mpeg4', '-g', '12', '-bf', '2', '-q:v', '6'],
    'mjpeg.avi': ['-c:v', 'mjpeg', '-q:v', '12', '-pix_fmt', 'yuvj420p'],
    'mpeg2.mpg': ['-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-q:v', '8'],
    'raw.h264': [...X264, '-g', '25', '-bf', '2'],
    'late.m2t': [...X264, '-g', '25', '-output_ts_offset', '77.5'],
    'sound.mp4': [
      '-f',
      'lavfi',
      '-i',
      'sine=d=3',
      '-c:a',
      'aac',
      '-b:a',
      '32k',
      ...X264,
      '-g',
      '25',
    ],
    'vfr.mp4': ['-vf', "select='not(mod(n,3))+lt(n,20)'", '-vsync', 'vfr', ...X264, '-g', '20'],
  }
  const all = Object.entries(clips).map(([name, args]) => [name, [...pattern(3), ...args]])
  const turned = [90, 180, 270].map((degrees) => [
    `turned-${degrees}.mp4`,
    ['-i', 'video/h264.mp4', '-c', 'copy', '-metadata:s:v:0', `rotate=${degrees}`],
  ])
  return {
    ...Object.fromEntries([...all, ...turned]),
    'short.mp4': [...pattern(1), ...X264, '-g', '12'],
    'long.mp4': [...pattern(20, '160x120', 30), ...X264, '-g', '250', '-crf', '36'],
    'damage.mp4': [...pattern(2), ...X264, '-g', '12', '-movflags', 'faststart'],
    'damage.m2t': [...pattern(2), ...X264, '-g', '12'],
    'damage.webm': [...pattern(2), ...VP9, '-g', '12'],
    'damage.avi': [...pattern(2), '-c:v', 'mpeg4', '-g', '12', '-q:v', '6'],
    'damage.mkv': [...pattern(2), '-c:v', 'mjpeg', '-q:v', '12', '-pix_fmt', 'yuvj420p'],
    'hours-later.m2t': [...pattern(1), ...X264, '-output_ts_offset', '20000'],
  }
}

function pattern(seconds, size = '96x64', rate = 25) {
  return ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`]
}

function media() {
  const sound = (seconds) => [
    ...['-f', 'lavfi', '-i', `sine=d=${seconds}:r=48000:f=440`],
    ...['-c:a', 'aac', '-b:a', '64k'],
  ]
  const both = [...pattern(2, '64x48'), ...sound(2), ...H264, '-g', '10']
  const windows = {
    'w.mp4': [...H264, '-g', '12'],
    'open.mp4': [...H264, '-g', '12', '-x264-params', 'open-gop=1:bframes=3:scenecut=0'],
    'w.mkv': [...H264, '-g', '12'],
    'w.m2t': [...H264, '-g', '12'],
    'w.avi': ['-c:v', 'mpeg4', '-bf', '2', '-g', '12'],
    'hevc.mp4': [...X265, 'log-level=none:keyint=12:open-gop=1'],
    'w.webm': [...VP9, '-g', '12', '-pix_fmt', 'yuv420p'],
    'offset.mp4': [...H264, '-g', '12', '-output_ts_offset', '1.4'],
  }
  const rates = [30, 60, '30000/1001'].map((rate) => [
    `rate-${String(rate).replace('/', '-')}.mp4`,
    [...pattern(0.5, '64x48', rate), ...H264],
  ])
  const raw = PIXEL_FORMATS.map((format) => [
    `raw-${format}.nut`,
    [...pattern(1, '64x48'), '-frames:v', '4', '-c:v', 'rawvideo', '-pix_fmt', format],
  ])
  const odd = ['-frames:v', '2', '-vf', 'crop=63:47', '-c:v', 'rawvideo', '-pix_fmt', 'yuv420p']
  const pcm = ['pcm_s16le', 'pcm_s16le_planar', 'pcm_f32le'].map((codec) => [
    `${codec}.nut`,
    ['-i', 'media/groups.mp4', '-map', '0:a', '-t', '0.25', '-c:a', codec],
  ])
  return {
    'one.mp4': [...pattern(4, '64x48'), ...H264, '-g', '250'],
    'groups.mp4': [...both, '-map', '0:v', '-map', '1:a'],
    'sound-first.mkv': [...both, '-map', '1:a', '-map', '0:v'],
    'sound.mka': ['-f', 'lavfi', '-i', 'sine=d=2:r=48000:f=440', '-c:a', 'flac'],
    'cut.mkv': [...pattern(2, '320x240'), ...H264, '-crf', '32'],
    ...Object.fromEntries(rates),
    ...Object.fromEntries(
      Object.entries(windows).map(([name, args]) => [name, [...pattern(2, '64x48'), ...args]]),
    ),
    ...Object.fromEntries(raw),
    'raw-odd.nut': [...pattern(2, '64x48'), ...odd],
    ...Object.fromEntries(pcm),
  }
}

function prefixed(prefix, files) {
  return Object.fromEntries(Object.entries(files).map(([name, args]) => [prefix + name, args]))
}
