import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { AnyNdArray, NdArray } from '../../src/index.ts'
import {
  Decoder,
  type DecoderOptions,
  Demuxer,
  type DemuxerOptions,
  type Frames,
  type TimeWindow,
} from '../../src/media.ts'
import { run } from '../audio/audio-support.ts'
import { numbers } from '../support.ts'

export { run, scratch, without } from '../audio/audio-support.ts'

/** A clip of moving bars and noise, every picture different. */
export function clip(pictures: number, width = 64, height = 48, channels = 3): NdArray<'uint8'> {
  const random = numbers(7)
  const data = new Uint8Array(pictures * height * width * channels)
  for (let i = 0; i < data.length; i++) {
    const picture = Math.floor(i / (height * width * channels))
    data[i] = ((i * 3 + picture * 11) & 0xe0) | random(8)
  }
  return { data, dtype: 'uint8', shape: [pictures, height, width, channels] }
}

/** A file that the ffmpeg command makes of its test picture, and of a tone if asked for: its path. */
export function made(
  folder: string,
  name: string,
  args: readonly string[],
  options: MadeOptions = {},
): string {
  const { seconds = 2, size = '64x48', rate = '25', hasSound = false } = options
  const path = join(folder, name)
  const picture = ['-f', 'lavfi', '-i', `testsrc2=d=${seconds}:s=${size}:r=${rate}`]
  const sound = hasSound ? ['-f', 'lavfi', '-i', `sine=d=${seconds}:r=48000:f=440`, '-c:a', 'aac'] : []
  run('ffmpeg', '-v', 'error', '-y', ...picture, ...sound, ...args, path)
  return path
}

interface MadeOptions {
  readonly seconds?: number
  readonly size?: string
  readonly rate?: string
  readonly hasSound?: boolean
}

/** What a demuxer and a decoder make of a stream, disposed of as they should be. */
export function decoded<T>(
  source: string | Uint8Array,
  use: (frames: Frames) => T,
  options: {
    window?: TimeWindow
    stream?: number | 'video' | 'audio'
    demuxer?: DemuxerOptions
    decoder?: DecoderOptions
  } = {},
): T {
  const { window, stream, demuxer = {}, decoder = {} } = options
  return using(new Demuxer(source, demuxer), (open) => {
    const packets = open.demux({
      ...(window === undefined ? {} : { window }),
      ...(stream === undefined ? {} : { stream }),
    })
    return using(new Decoder(packets.stream, decoder), (made) => using(made.decode(packets), use))
  })
}

/** What `using` does, where Node has no such syntax. */
export function using<D extends Disposable, T>(resource: D, use: (resource: D) => T): T {
  try {
    return use(resource)
  } finally {
    resource[Symbol.dispose]()
  }
}

/** Raw pictures or samples as the ffmpeg command decodes them. */
export function byCli(path: string, ...args: string[]): Buffer {
  return run('ffmpeg', '-v', 'error', '-i', path, '-fps_mode', 'passthrough', ...args, '-')
}

/** What ffprobe says of each packet or frame of a stream. */
export function probed(
  path: string,
  stream: 'v:0' | 'a:0',
  what: 'packet' | 'frame',
  fields: string,
): string[][] {
  const text = run(
    'ffprobe',
    '-v',
    'error',
    '-select_streams',
    stream,
    '-show_entries',
    `${what}=${fields}`,
    '-of',
    'csv=p=0',
    path,
  )
  return String(text)
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.replace(/,+$/, '').split(','))
}

export function hash(array: AnyNdArray | Uint8Array): string {
  const data = array instanceof Uint8Array ? array : array.data
  return createHash('md5')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')
}
