import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decode,
  encode,
  encodeVideo,
  filter,
  mux,
  npyShards,
  parquetShards,
  safetensorsShards,
  streamFrames,
  streamPackets,
  tarShards,
} from '@spindle/io'
import { captureFFmpegLog, Decoder, Demuxer, Encoder, Frames, filters } from '@spindle/io/media'
import '@spindle/io/sync'
import { declaredOptions } from 'spindle/options'
import { testDeclarations } from '../../spindle/test/support/declared-options.ts'

const ofIo = declaredOptions().filter(({ error }) => error === 'MediaError')

describe('declarations of options of @spindle/io', () => {
  it('are those of all functions', () => assert.ok(ofIo.length >= 40))
  testDeclarations(ofIo)
})

const clip = { data: new Uint8Array(2 * 12), dtype: 'uint8', shape: [2, 2, 2, 3] } as const
const tone = { data: new Float32Array(8), dtype: 'float32', shape: [1, 8] } as const

/** Calls with a wrong option, and what their errors say. */
const wrong: readonly (readonly [call: () => unknown, message: RegExp])[] = [
  [() => filters.scale({ widht: 5 } as never), /unknown option `widht`.*did you mean `width`\?/],
  [() => filters.scale({ fit: 'fill' } as never), /`fit` must be 'inside' or 'cover', got 'fill'/],
  [() => filters.crop({ width: 5 } as never), /`height` must be a number of pixels, or an/],
  [() => filters.rotate({ degrees: '9' } as never), /`degrees` must be a number, got '9'/],
  [() => filters.brightness({ contrast: Number.NaN }), /`contrast` must be a number, got NaN/],
  [() => filters.trim([0, 1], { reset: true } as never), /unknown option `reset`/],
  [() => filters.trim([2, 1]), /`window` must be \[start, end\] in seconds/],
  [() => filters.fps(0), /`rate` must be a number > 0, got 0/],
  [() => filters.stack('diagonal' as never, 2), /`direction` must be 'horizontal' or 'vertical'/],
  [() => filters.split('video', 0), /`outputs` must be an integer >= 1, got 0/],
  [() => filters.atempo(0.1), /`tempo` must be a number from 0.5 to 100, got 0.1/],
  [() => filters.showwaves({ width: 0, height: 1 }), /`width` must be an integer >= 1, got 0/],
  [() => new Demuxer('x', { strict: 1 } as never), /`strict` must be true or false, got 1/],
  [() => new Encoder({ codec: 'h264', frameRate: 0 }), /`frameRate` must be a number > 0 or/],
  [() => Frames.fromVideo(clip, {} as never), /`frameRate` must be/],
  [
    () => Frames.fromVideo(clip, { frameRate: 1, size: { width: 2 } } as never),
    /`size.height` must be an integer >= 1, got undefined/,
  ],
  [() => Frames.fromVideo(clip, { frameRate: 1, firstPts: 0.5 }), /`firstPts` must be an integer/],
  [() => Frames.fromAudio(tone, { sampleRate: 1, firstPts: 2 ** 60 }), /`firstPts` must be/],
  [() => captureFFmpegLog({ onMessage: 5 } as never), /`onMessage` must be a function, got 5/],
  [() => captureFFmpegLog({ level: 'all' } as never), /`level` must be 'fatal' or 'error'/],
  [
    () => new Decoder(noStream, { hardware: 'gpu' } as never),
    /`hardware` must be 'none' or 'auto'/,
  ],
  [() => new Decoder(noStream, { hardware: {} } as never), /`hardware.kind` must be 'auto' or/],
  [
    () => decode('x', { hardware: { kind: 'cuda', fall: 1 } } as never),
    /option `fall` of `hardware`/,
  ],
  [() => decode('x', { demuxer: { strcit: true } } as never), /option `strcit` of `demuxer`/],
  [() => decode('x', { stream: 'subtitle' } as never), /`stream` must be the index of a stream/],
  [
    () => streamFrames('x', { framesPerChunk: 0 }).next(),
    /`framesPerChunk` must be an integer >= 1/,
  ],
  [
    () => streamPackets('x', {}).next(),
    /`packetsPerChunk` must be given, or `durationSec`, and not/,
  ],
  [
    () => streamPackets('x', { durationSec: 0 }).next(),
    /`durationSec` must be a number > 0, got 0/,
  ],
  [() => filter(clip, 'null', { layout: 'XY' } as never), /`layout` must be 'CT' or 'TC'/],
  [() => encode(clip, { codec: '' }), /`codec` must be the name of a codec or an encoder, got ''/],
  [() => mux(undefined, [], { metadata: { title: 5 } } as never), /`streams` must be/],
  [
    () => encodeVideo(clip, { frameRate: 1, threads: -1 } as never),
    /`threads` must be an integer from/,
  ],
  [
    () => encodeVideo(clip, { frameRate: 1, audio: { array: tone } } as never),
    /`audio.sampleRate` must be an integer >= 1, got undefined/,
  ],
  [() => tarShards('x', { mtime: 5 } as never), /`mtime` must be a Date since 1970, got 5/],
  [() => tarShards('x', { compres: 'gzip' } as never), /did you mean `compress`\?/],
  [() => npyShards('x', { maxBytes: 0 }), /`maxBytes` must be an integer >= 1 or Infinity, got 0/],
  [
    () => safetensorsShards('x', { metadata: { a: 1 } } as never),
    /`metadata` must be an object of/,
  ],
  [() => parquetShards('x', { rowGroupRows: 0 }), /`rowGroupRows` must be an integer >= 1, got 0/],
  [
    () => parquetShards('x', { columns: { id: 'INT' } } as never),
    /`columns.id` must be one of BOOLEAN/,
  ],
  [() => parquetShards('x', { rowGroupRow: 5 } as never), /did you mean `rowGroupRows`\?/],
]
const noStream = { parameters: { codecId: 1 } } as never

describe('a wrong option', () => {
  for (const [call, message] of wrong)
    it(`is refused: ${message.source.replaceAll('\\', '')}`, async () =>
      assert.rejects(async () => call(), { code: 'ERR_BAD_OPTION', message }))
})
