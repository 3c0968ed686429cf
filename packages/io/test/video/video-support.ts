import { basename, join } from 'node:path'
import { run } from '../audio/audio-support.ts'

export { run, scratch, without } from '../audio/audio-support.ts'

/** Moving bars with a counter: no frame is like another. */
export function pattern(seconds: number, size = '96x64', rate = 25): string[] {
  return ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`]
}

/** Makes a file by the ffmpeg command. */
export function make(folder: string, name: string, ...args: string[]): string {
  const path = join(folder, name)
  run('ffmpeg', '-v', 'error', '-y', ...args, path)
  return path
}

export const X264: readonly string[] = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']

/** Clips of 3 s in the containers and codecs that are tried: paths by name. */
export function clips(folder: string): Record<string, string> {
  const source = pattern(3)
  const sound = ['-f', 'lavfi', '-i', 'sine=d=3', '-c:a', 'aac']
  const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-x265-params']
  const made: Record<string, string[]> = {
    'h264.mp4': [...X264, '-g', '25', '-bf', '3'],
    'one-gop.mp4': [...X264, '-g', '1000'],
    'open-gop.mp4': [...X264, '-g', '25', '-bf', '3', '-x264-params', 'open-gop=1'],
    'h264.mkv': [...X264, '-g', '25', '-bf', '2'],
    'h264.ts': [...X264, '-g', '25', '-bf', '2'],
    'front.mp4': [...X264, '-g', '25', '-movflags', 'faststart'],
    'fragments.mp4': [...X264, '-g', '25', '-movflags', 'frag_keyframe+empty_moov'],
    'hevc.mp4': [...x265, 'log-level=none:keyint=25:open-gop=1'],
    'hevc.mkv': [...x265, 'log-level=none:keyint=25:open-gop=0'],
    'vp8.webm': ['-c:v', 'libvpx', '-g', '25', '-b:v', '400k', '-auto-alt-ref', '1', '-lag-in-frames', '16'],
    'vp9.webm': ['-c:v', 'libvpx-vp9', '-g', '25', '-b:v', '400k', '-cpu-used', '8', '-deadline', 'realtime'],
    'av1.mp4': ['-c:v', 'libsvtav1', '-preset', '12', '-g', '25'],
    'mpeg4.avi': ['-c:v', 'mpeg4', '-g', '12', '-q:v', '4'],
    'bframes.avi': ['-c:v', 'mpeg4', '-g', '12', '-bf', '2', '-q:v', '4'],
    'mjpeg.avi': ['-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p'],
    'mpeg2.mpg': ['-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-q:v', '4'],
    'raw.h264': [...X264, '-g', '25', '-bf', '2'],
  }
  const paths: Record<string, string> = {}
  for (const [name, args] of Object.entries(made)) paths[name] = make(folder, name, ...source, ...args)
  paths['late.ts'] = make(folder, 'late.ts', ...source, ...X264, '-g', '25', '-output_ts_offset', '77.5')
  paths['sound.mp4'] = make(folder, 'sound.mp4', ...source, ...sound, ...X264, '-g', '25')
  return paths
}

/** The frames that the ffmpeg command decodes, as rgb24, by the same routines: newer versions know where colour is sampled, older ones are told. */
export function framesByCli(file: string, filter = '', ...args: string[]): Buffer {
  const convert = `${toRgb(file)},format=rgb24`
  const filters = filter === '' ? convert : `${filter},${convert}`
  const input = ['-v', 'error', '-noautorotate', '-i', file]
  return run('ffmpeg', ...input, ...args, '-vf', filters, '-vsync', 'passthrough', '-f', 'rawvideo', '-')
}

/** The filter that converts to RGB without scaling. */
export function toRgb(file: string): string {
  const isLeft = !/vp8|vp9|av1|mjpeg/.test(basename(file))
  return `scale=flags=bilinear+accurate_rnd:in_h_chr_pos=${isLeft ? 0 : 128}:in_v_chr_pos=128,format=gbrp`
}

/** When ffprobe says that frames are shown, in seconds from the first. */
export function timesByCli(file: string): number[] {
  const show = ['-select_streams', 'v:0', '-show_entries', 'frame=best_effort_timestamp_time', '-of', 'json']
  const { frames } = JSON.parse(String(run('ffprobe', '-v', 'error', ...show, file))) as {
    frames: { best_effort_timestamp_time: string }[]
  }
  const times = frames.map((frame) => Number(frame.best_effort_timestamp_time))
  return times.map((time) => time - times[0]!)
}
