import { createHash } from 'node:crypto'
import type { AnyNdArray, NdArray } from '../../src/index.ts'
import {
  Decoder,
  type DecoderOptions,
  Demuxer,
  type DemuxerOptions,
  type Frames,
  filters,
  type TimeWindow,
} from '../../src/media.ts'
import { numbers } from '../support.ts'

export { scratch } from '../audio/audio-support.ts'

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

/** Tried on `media/groups.mp4`, by the ffmpeg command too. */
export const GRAPH: string = filters.chain(
  filters.fps(5),
  filters.crop({ width: 32, height: 24, x: 4, y: 6 }),
  filters.hflip(),
  filters.transpose('clockwise'),
)

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

export function hash(array: AnyNdArray | Uint8Array): string {
  const data = array instanceof Uint8Array ? array : array.data
  return createHash('md5')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')
}
