import { truthFile } from '../truth/truth.ts'

export { scratch } from '../audio/audio-support.ts'

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
  ],
  ...[
    'hevc.mkv',
    'vp8.webm',
    'vp9.webm',
    'av1.mp4',
    'mpeg4.avi',
    'bframes.avi',
    'mjpeg.avi',
    'mpeg2.mpg',
    'raw.h264',
  ],
  ...['late.m2t', 'sound.mp4'],
]

/**
 * Clips of 3 s, 96x64, 25 pictures a second, in the containers and codecs that are tried: paths by
 * name.
 */
export function clips(): Record<string, string> {
  return Object.fromEntries(CLIPS.map((name) => [name, video(name)]))
}

/** A video file that the ffmpeg command has made. */
export function video(name: string): string {
  return truthFile(`video/${name}`)
}
