import { Packets } from '../../src/chain/packets/packets.ts'
import type { NdArray } from '../../src/index.ts'
import { Encoder, type EncoderOptions, Muxer, type MuxerOptions } from '../../src/media.ts'
import { clip, using } from '../chain/media-support.ts'
import { type Edit, withEdits } from './edit-lists.ts'

/** Pictures a second of the videos here. */
export const RATE = 10
/** Pictures of one. */
export const PICTURES = 30

const X264 = { preset: 'ultrafast', 'x264-params': 'scenecut=0:b-adapt=0' }
const H264: EncoderOptions = {
  codec: 'libx264',
  frameRate: RATE,
  gopSize: 8,
  maxBFrames: 2,
  options: X264,
}
const ANNEX_B: Partial<EncoderOptions> = { globalHeader: false }

/** Moving bars and noise as packets of a codec. */
export function coded(options: Partial<EncoderOptions> = {}, pictures = clip(PICTURES)): Packets {
  return using(new Encoder({ ...H264, ...options }), (encoder) =>
    Packets.join([encoder.encode(pictures as NdArray), encoder.flush()]),
  )
}

/** Packets in a container, as bytes. */
export function muxed(format: string, packets: Packets, options: MuxerOptions = {}): Uint8Array {
  return using(new Muxer(undefined, { format, ...options }), (muxer) => {
    muxer.write(muxer.addStream(packets.stream), packets)
    return muxer.finish()!
  })
}

/** The same packets at other times, in ticks. */
export function retimed(packets: Packets, time: (ticks: bigint) => bigint): Packets {
  const shown = [...packets].map((packet) => ({ ...packet, pts: time(packet.pts!) }))
  // Decoding times in order, early enough.
  const times = shown.map(({ pts }) => pts).sort((a, b) => Number(a - b))
  const late = Math.max(...shown.map(({ pts }, i) => Number(times[i]! - pts)), 0)
  const all = shown.map((packet, i) => ({ ...packet, dts: times[i]! - BigInt(late), duration: 0n }))
  return Packets.of({ stream: packets.stream, window: undefined, source: undefined }, all)
}

/** The time of the first picture as it is stored: what B-frames push back. */
const HELD_BACK = 2 / RATE

function edited(...edits: Edit[]): Uint8Array {
  return withEdits(muxed('mp4', coded()), edits)
}

/** Videos of many kinds, each made when it is asked for. */
export const VIDEOS: Readonly<Record<string, () => Uint8Array>> = {
  mp4: () => muxed('mp4', coded()),
  'mp4 without B-frames': () => muxed('mp4', coded({ maxBFrames: 0 })),
  'edits: the beginning hidden': () => edited({ forSec: 2.3, fromSec: HELD_BACK + 0.7 }),
  'edits: more than a group hidden': () => edited({ forSec: 1.1, fromSec: HELD_BACK + 1.9 }),
  'edits: begins between two pictures': () => edited({ forSec: 1.5, fromSec: HELD_BACK + 0.93 }),
  'edits: the end hidden': () => edited({ forSec: 1.4, fromSec: HELD_BACK }),
  'edits: both hidden': () => edited({ forSec: 1, fromSec: HELD_BACK + 1.2 }),
  'edits: begins at a keyframe': () => edited({ forSec: 2.2, fromSec: HELD_BACK + 0.8 }),
  'edits: begins late': () =>
    edited({ forSec: 0.5, fromSec: -1 }, { forSec: 3, fromSec: HELD_BACK }),
  'edits: two pieces': () =>
    edited({ forSec: 0.5, fromSec: HELD_BACK + 0.3 }, { forSec: 1, fromSec: HELD_BACK + 1.5 }),
  'edits: pieces in another order': () =>
    edited({ forSec: 0.6, fromSec: HELD_BACK + 2.2 }, { forSec: 0.9, fromSec: HELD_BACK + 0.5 }),
  'edits: a piece twice': () =>
    edited({ forSec: 0.9, fromSec: HELD_BACK + 0.4 }, { forSec: 0.9, fromSec: HELD_BACK + 0.4 }),
  'edits: the time of the first picture forgotten': () => edited({ forSec: 3, fromSec: 0 }),
  'begins without a keyframe, mp4': () => withoutFirstKey(muxed('mp4', coded())),
  'edits: begins without a keyframe': () =>
    withoutFirstKey(edited({ forSec: 1.5, fromSec: HELD_BACK + 0.5 })),
  'edits: begins without a keyframe, without B-frames': () =>
    withoutFirstKey(
      withEdits(muxed('mp4', coded({ maxBFrames: 0 })), [{ forSec: 1.5, fromSec: 0.5 }]),
    ),
  'begins without a keyframe, MPEG-4 in mp4': () =>
    withoutFirstKey(muxed('mp4', coded({ codec: 'mpeg4', options: {} }))),
  'begins without a keyframe, matroska': () => muxed('matroska', coded().slice(3)),
  'fragmented mp4': () =>
    muxed('mp4', coded(), {
      formatOptions: { movflags: 'frag_keyframe+empty_moov+default_base_moof' },
    }),
  'partly fragmented mp4': () =>
    muxed('mp4', coded(), { formatOptions: { movflags: 'frag_keyframe' } }),
  'fragmented mp4 with delay': () =>
    muxed('mp4', coded(), { formatOptions: { movflags: 'frag_keyframe+delay_moov' } }),
  'negative first time, mp4': () =>
    muxed(
      'mp4',
      retimed(coded(), (tick) => tick - 7n),
      {
        formatOptions: { avoid_negative_ts: 'disabled', use_editlist: '0' },
      },
    ),
  'open groups, mp4': () => muxed('mp4', coded({ options: open })),
  'open groups, matroska': () => muxed('matroska', coded({ options: open })),
  matroska: () => muxed('matroska', coded()),
  'late, matroska': () =>
    muxed(
      'matroska',
      retimed(coded(), (tick) => tick + 1234n),
    ),
  'variable rate, mp4': () => muxed('mp4', retimed(coded(), uneven)),
  'variable rate, matroska': () => muxed('matroska', retimed(coded(), uneven)),
  'MPEG-TS': () => muxed('mpegts', coded(ANNEX_B)),
  'MPEG-TS, open groups': () => muxed('mpegts', coded({ ...ANNEX_B, options: open })),
  'MPEG-TS cut in a group': () => muxed('mpegts', coded(ANNEX_B)).subarray(188 * 40),
  'MPEG-TS, variable rate': () => muxed('mpegts', retimed(coded(ANNEX_B), uneven)),
  'MPEG-TS, its clock starts anew': () =>
    muxed(
      'mpegts',
      retimed(coded(ANNEX_B), (tick) => tick + 954_000n - 10n),
    ),
  'MPEG-TS, refreshed bit by bit': () =>
    muxed(
      'mpegts',
      coded({ ...ANNEX_B, options: { ...X264, 'x264-params': 'intra-refresh=1:bframes=0' } }),
    ),
  'matroska, refreshed bit by bit': () =>
    muxed('matroska', coded({ options: { ...X264, 'x264-params': 'intra-refresh=1:bframes=0' } })),
  'raw H.264': () => muxed('h264', coded(ANNEX_B)),
  'MPEG-2, program stream': () =>
    muxed('vob', coded({ codec: 'mpeg2video', frameRate: 25, options: {} })),
  'MPEG-2, raw': () =>
    muxed('mpeg2video', coded({ codec: 'mpeg2video', frameRate: 25, options: {} })),
  'MPEG-4, avi': () => muxed('avi', coded({ codec: 'mpeg4', options: {} })),
  'H.264, avi': () => muxed('avi', coded({ ...ANNEX_B })),
  'MPEG-4 with gaps, avi': () =>
    muxed(
      'avi',
      retimed(
        coded({ codec: 'mpeg4', maxBFrames: 0, options: {} }),
        (tick) => tick + (tick > 9n ? 4n : 0n),
      ),
    ),
  'H.264 with B-frames and gaps, avi': () =>
    muxed(
      'avi',
      retimed(coded(ANNEX_B), (tick) => tick + (tick > 9n ? 4n : 0n)),
    ),
  VP8: () => muxed('webm', coded({ codec: 'libvpx', options: {} })),
  'VP8 with hidden frames': () => muxed('webm', hidden(coded({ codec: 'libvpx', options: {} }))),
  VP9: () => muxed('webm', coded({ codec: 'libvpx-vp9', options: { 'cpu-used': '8' } })),
  HEVC: () =>
    muxed(
      'mp4',
      coded({
        codec: 'libx265',
        options: {
          preset: 'ultrafast',
          'x265-params': 'log-level=none:open-gop=1:keyint=8:bframes=2',
        },
      }),
    ),
  flv: () => muxed('flv', coded()),
  gif: () => muxed('gif', coded({ codec: 'gif', options: {} })),
  nut: () => muxed('nut', coded()),
  'raw pictures, avi': () => muxed('avi', coded({ codec: 'rawvideo', options: {} })),
  apng: () => muxed('apng', coded({ codec: 'apng', options: {} })),
  'PNG, mov': () => muxed('mov', coded({ codec: 'png', options: {} })),
}

const open = { ...X264, 'x264-params': 'scenecut=0:b-adapt=0:open-gop=1' }

function uneven(tick: bigint): bigint {
  return tick * 100n + (tick % 5n) * 15n + (tick > 15n ? 2000n : 0n)
}

/**
 * Every fifth frame is one that only serves others, as encoders make them (RFC 6386, 9.1:
 * `show_frame`).
 */
function hidden(packets: Packets): Packets {
  const all = [...packets].map((packet, i) => {
    const data = Uint8Array.from(packet.data)
    if (i % 5 === 3) data[0]! &= ~0x10
    return { ...packet, data }
  })
  return Packets.of({ stream: packets.stream, window: undefined, source: undefined }, all)
}

/** The table of keyframes does not name the first. */
function withoutFirstKey(mp4: Uint8Array): Uint8Array {
  const file = Buffer.from(mp4)
  const table = file.lastIndexOf('stss')
  const count = file.readUInt32BE(table + 8)
  for (let i = 0; i < count; i++) {
    const next = file.readUInt32BE(table + 12 + 4 * Math.min(i + 1, count - 1))
    file.writeUInt32BE(next, table + 12 + 4 * i)
  }
  file.writeUInt32BE(count - 1, table + 8)
  return file
}
