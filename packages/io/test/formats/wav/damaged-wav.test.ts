import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadWav, MediaError, type MediaErrorCode, parseWav } from '../../../src/index.ts'
import * as sync from '../../../src/sync.ts'
import { craftFmt, craftWav, WAV, WAVS, wavFixture } from '../../fixtures/wav.ts'
import { numbers } from '../../support.ts'

/**
 * Whether it parses; anything but samples that fit the bytes, or a fault that names its source,
 * fails the test.
 */
function parses(bytes: Uint8Array): boolean {
  try {
    for (const options of [
      {},
      { layout: 'CT', dtype: 'float32' },
      { window: [0, 0.001] },
    ] as const) {
      const { data, shape, header } = parseWav(bytes, options)
      assert.equal(data.length, shape[0]! * shape[1]!)
      assert.ok(header.dataOffset + header.dataBytes <= bytes.length)
      assert.ok(data.byteLength <= bytes.length * 4, 'A-law as float32 is the most')
    }
    return true
  } catch (error) {
    assert.ok(error instanceof MediaError, String(error))
    assert.ok(error.code === 'ERR_DECODE' || error.code === 'ERR_UNSUPPORTED', error.message)
    assert.equal(error.source, `${bytes.length} bytes`)
    return false
  }
}

/** Files whose samples end at the end of the file, so that every cut takes something. */
const ENDING = [...WAV.keys()].filter(
  (name) => !/streamed|odd-chunks|format-last|^ffmpeg-24/.test(name),
)

describe('a damaged WAV file', () => {
  it('is an error wherever it is cut', () => {
    for (const name of ENDING) {
      const whole = wavFixture(name)
      const { header } = parseWav(whole)
      const end = header.dataOffset + header.dataBytes
      for (let length = 0; length < end; length += length > 100 && length < end - 60 ? 7 : 1) {
        assert.equal(parses(whole.subarray(0, length)), false, `${name} of ${length} bytes`)
      }
      assert.equal(parses(whole), true)
    }
  })

  it('with one bit flipped in its header is samples within its bytes or an error', () => {
    for (const name of [
      'pcm16-2.wav',
      'extensible-pcm_24.wav',
      'float64.wav',
      'rf64.wav',
      'odd-chunks.wav',
    ]) {
      const whole = wavFixture(name)
      for (let bit = 0; bit < Math.min(whole.length, 120) * 8; bit++) {
        const bytes = Buffer.from(whole)
        bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
        parses(bytes)
      }
    }
  })

  it('with random bytes in it does no more harm than an error', () => {
    const random = numbers(3)
    const names = [...WAV.keys()]
    for (let round = 0; round < 20_000; round++) {
      const bytes = wavFixtureOnce(names[random(names.length)]!)
      for (let i = 0; i <= random(5); i++)
        bytes[random(Math.min(bytes.length, 130))] = random(3) === 0 ? 255 : random(256)
      parses(bytes)
    }
  })

  it('says what is wrong', async () => {
    const fmt = ['fmt ', craftFmt({})] as const
    const data = ['data', Buffer.alloc(8)] as const
    const change = (name: string, edit: (bytes: Buffer) => unknown) => {
      const bytes = wavFixture(name)
      edit(bytes)
      return bytes
    }
    const extensible = (edit: (fmt: Buffer) => unknown) =>
      change('extensible-pcm_16.wav', (b) => edit(b.subarray(b.indexOf('fmt ') + 8)))
    const cases: [Buffer, MediaErrorCode, RegExp][] = [
      [Buffer.alloc(0), 'ERR_DECODE', /^0 bytes: is empty$/],
      [Buffer.from('RIFF'), 'ERR_DECODE', /not a WAV file: it has only 4 bytes/],
      [
        Buffer.from('ID3 and some more'),
        'ERR_DECODE',
        /not a WAV file: it begins with "ID3 " instead of "RIFF"/,
      ],
      [Buffer.from('RIFF    WEBPVP8 '), 'ERR_DECODE', /not a WAV file but a RIFF file of "WEBP"/],
      [Buffer.from('RIFX    WAVEfmt '), 'ERR_DECODE', /no 'fmt ' chunk/],
      [craftWav(data), 'ERR_DECODE', /no 'fmt ' chunk/],
      [craftWav(fmt), 'ERR_DECODE', /no 'data' chunk: it may be truncated/],
      [
        craftWav(['fmt ', craftFmt({}).subarray(0, 14)], data),
        'ERR_DECODE',
        /its 'fmt ' chunk has 14 bytes, at least 16/,
      ],
      [
        craftWav(fmt, data).subarray(0, 50),
        'ERR_DECODE',
        /truncated: 8 bytes of samples, of which 6 are there/,
      ],
      [
        change('odd-chunks.wav', (b) => b.writeUInt32LE(5000, 16)),
        'ERR_DECODE',
        /truncated: its chunk "LIST" has 5000 bytes, of which 232/,
      ],
      [craftWav(['fmt ', craftFmt({ channels: 0 })], data), 'ERR_DECODE', /no channels/],
      [craftWav(['fmt ', craftFmt({ sampleRate: 0 })], data), 'ERR_DECODE', /a sample rate of 0/],
      [
        craftWav(['fmt ', craftFmt({ bits: 0 })], data),
        'ERR_DECODE',
        /samples of 0 bits in 0 bytes/,
      ],
      [
        craftWav(['fmt ', craftFmt({ bits: 17, blockAlign: 2 })], data),
        'ERR_DECODE',
        /samples of 17 bits in 2 bytes for 1 channels/,
      ],
      [
        craftWav(['fmt ', craftFmt({ blockAlign: 5 })], data),
        'ERR_UNSUPPORTED',
        /pcm samples of 16 bits, 5 bytes/,
      ],
      [
        craftWav(['fmt ', craftFmt({ channels: 2, blockAlign: 3, bits: 8 })], data),
        'ERR_UNSUPPORTED',
        /pcm samples of 8 bits, 3 bytes for 2/,
      ],
      [
        craftWav(['fmt ', craftFmt({ tag: 3 })], data),
        'ERR_UNSUPPORTED',
        /float samples of 16 bits/,
      ],
      [
        craftWav(['fmt ', craftFmt({ tag: 0x55 })], data),
        'ERR_UNSUPPORTED',
        /samples of format 0x0055 \(MP3\)/,
      ],
      [
        craftWav(['fmt ', craftFmt({ tag: 0x1234 })], data),
        'ERR_UNSUPPORTED',
        /samples of format 0x1234$/,
      ],
      [
        craftWav(['fmt ', craftFmt({ tag: 0xfffe })], data),
        'ERR_DECODE',
        /its extensible 'fmt ' chunk has only 16 bytes/,
      ],
      [
        extensible((b) => (b[39] = 0)),
        'ERR_UNSUPPORTED',
        /samples of the format 1-000000001000800000aa00389b00/,
      ],
      [extensible((b) => (b[18] = 40)), 'ERR_DECODE', /samples of 40 bits in/],
      [
        craftWav(...Array.from({ length: 10_001 }, () => ['junk', Buffer.alloc(0)] as const)),
        'ERR_DECODE',
        /more than 10000 chunks/,
      ],
      [
        change('rf64.wav', (b) => b.writeUInt32LE(1, b.indexOf('ds64') + 20)),
        'ERR_DECODE',
        /truncated: \d+ bytes of samples/,
      ],
      [
        wavFixture('refused-adpcm.wav'),
        'ERR_UNSUPPORTED',
        /samples of format 0x0011 \(IMA ADPCM\)/,
      ],
      [wavFixture('refused-mp3.wav'), 'ERR_UNSUPPORTED', /samples of format 0x0055 \(MP3\)/],
    ]
    for (const [bytes, code, message] of cases) {
      assert.throws(() => parseWav(bytes), { name: 'MediaError', code, message })
      await assert.rejects(loadWav(bytes), { name: 'MediaError', code, message })
    }
  })
})

describe('a WAV file whose size was never filled in', () => {
  const samples = Int16Array.of(1, 2, 3, 4)
  const whole = craftWav(['fmt ', craftFmt({})], ['data', Buffer.from(samples.buffer)])
  const sized = (riff: number, data: number): Buffer => {
    const bytes = Buffer.from(whole)
    bytes.writeUInt32LE(riff, 4)
    bytes.writeUInt32LE(data, 40)
    return bytes
  }

  it('ends where its bytes end', async () => {
    // FFmpeg, arecord, SoX, speech services; programs that were killed before they came to it.
    for (const [riff, data] of [
      ...[0xffffffff, 0xffffffff - 36, 0xffffff9b, 0x80000000, 0x7fffffff - 36].map(
        (n) => [n, n] as const,
      ),
      ...[0x7ffff000, 0x7fffffff, 0xffff0000, 2_000_000_000, 0x40000000].map(
        (n) => [n + 36, n] as const,
      ),
      ...[0, 36, whole.length - 8, 0xffffffff].map((riff) => [riff, 0] as const),
      // What else cannot be: half a frame, and more than the whole.
      ...([
        [5000, 4001],
        [44, 4000],
        [0, 4000],
        [0xffffffff, 4000],
        [whole.length - 8, 10],
      ] as const),
    ] as const) {
      const bytes = sized(riff, data)
      for (const audio of [parseWav(bytes), await loadWav(bytes), sync.loadWavSync(bytes)]) {
        assert.deepEqual(audio.data, samples, `${riff} ${data}`)
        assert.equal(audio.header.numSamples, 4)
      }
      assert.deepEqual(
        parseWav(bytes.subarray(0, -3)).data,
        samples.subarray(0, 2),
        'a part of a frame is left out',
      )
    }
  })

  it('of more than 4 GiB, too', () => {
    for (const size of [0n, 0xffffffffffffffffn, 0x7fffffffffffffffn, 0xffffffffn]) {
      const rf64 = wavFixture('rf64.wav')
      const { data } = parseWav(rf64)
      rf64.writeBigUInt64LE(size, rf64.indexOf('ds64') + 16)
      for (const inChunk of [0xffffffff, 0]) {
        rf64.writeUInt32LE(inChunk, rf64.indexOf('data') + 4)
        assert.deepEqual(parseWav(rf64).data, data)
      }
    }
  })

  it('is not confused with one that is empty and says so', () => {
    const bytes = craftWav(
      ['fmt ', craftFmt({})],
      ['data', Buffer.alloc(0)],
      ['LIST', Buffer.from('some text')],
    )
    assert.deepEqual(parseWav(bytes).shape, [0, 1])
  })

  it('is not confused with one that lies', () => {
    const bytes = sized(123_456 + 36, 123_456)
    assert.throws(() => parseWav(bytes), /truncated: 123456 bytes of samples, of which 8 are there/)
  })

  it('nor with one that is truncated, of which `strict: false` gives what is there', async () => {
    const cut = whole.subarray(0, -4)
    assert.throws(() => parseWav(cut), { code: 'ERR_DECODE', message: /`strict: false`/ })
    const loaded = [parseWav(cut, { strict: false }), await loadWav(cut, { strict: false })]
    for (const { data, header } of [...loaded, sync.loadWavSync(cut, { strict: false })]) {
      assert.deepEqual(data, samples.subarray(0, 2))
      assert.equal(header.missingBytes, 4)
    }
    assert.equal(parseWav(whole).header.missingBytes, 0)
  })

  it('may have a part of a frame at its end, which is left out', () => {
    const bytes = craftWav(
      ['fmt ', craftFmt({})],
      ['data', Buffer.alloc(7)],
      ['LIST', Buffer.alloc(4)],
    )
    assert.deepEqual(parseWav(bytes).shape, [3, 1])
  })

  it('may have a wrong size of the whole, which nothing depends on', () => {
    const bytes = Buffer.from(whole)
    bytes.writeUInt32LE(7, 4)
    assert.deepEqual(parseWav(bytes).data, samples)
  })
})

describe('a big-endian WAV file (RIFX)', () => {
  /** The same sound with its numbers turned around. */
  function rifx(wav: Buffer, width: number): Buffer {
    const bytes = Buffer.from(wav)
    bytes.write('RIFX')
    bytes.subarray(4, 8).swap32()
    for (let at = 12; at < bytes.length; ) {
      const body = at + 8
      const size = bytes.readUInt32LE(at + 4)
      bytes.subarray(at + 4, body).swap32()
      if (bytes.toString('latin1', at, at + 4) === 'fmt ') {
        bytes.subarray(body, body + (size & ~1)).swap16()
        for (const field of [4, 8, 20, 24])
          if (size > field)
            bytes
              .subarray(body + field, body + field + 4)
              .swap16()
              .swap32()
        if (size > 32) bytes.subarray(body + 32, body + 40).swap16()
      } else if (bytes.toString('latin1', at, at + 4) === 'data') {
        for (let i = body; i < body + size; i += width) bytes.subarray(i, i + width).reverse()
      }
      at = body + size + (size % 2)
    }
    return bytes
  }

  it('gives the samples of the little-endian one', async () => {
    const widths = {
      'pcm8-1.wav': 1,
      'pcm16-2.wav': 2,
      'pcm24-2.wav': 3,
      'pcm32-2.wav': 4,
      'float64.wav': 8,
    }
    for (const [name, width] of Object.entries({
      ...widths,
      'extensible-pcm_16.wav': 2,
      'alaw.wav': 1,
    })) {
      if (!WAV.has(name)) continue
      const little = wavFixture(name)
      const big = rifx(little, width)
      for (const options of [
        {},
        { layout: 'CT' },
        { dtype: 'float32', window: [0, 0.001] },
      ] as const) {
        const expected = parseWav(little, options)
        for (const audio of [parseWav(big, options), await loadWav(big, options)]) {
          assert.deepEqual(audio.data, expected.data, name)
          assert.deepEqual(audio.header, { ...expected.header, isBigEndian: true })
        }
      }
    }
  })
})

describe('a source of a WAV', () => {
  it('that cannot be read is named; wrong kinds and unknown options are refused', async () => {
    await assert.rejects(loadWav('no-such.wav'), {
      code: 'ERR_READ',
      source: 'no-such.wav',
      message: /ENOENT/,
    })
    assert.throws(() => sync.loadWavSync('no-such.wav'), {
      code: 'ERR_READ',
      source: 'no-such.wav',
    })
    await assert.rejects(loadWav(7 as never), {
      code: 'ERR_BAD_OPTION',
      message: /`source` must be a path/,
    })
    assert.throws(() => parseWav('x' as never), {
      code: 'ERR_BAD_OPTION',
      message: /`bytes` must be a Uint8Array/,
    })
    await assert.rejects(
      loadWav('x', { windows: [0, 1] } as never),
      /unknown option `windows`; known are window, layout, dtype, strict, .*, signal/,
    )
    assert.throws(
      () => parseWav(Buffer.alloc(0), { layout: 'NCT' } as never),
      /`layout` must be 'TC' or 'CT', got 'NCT'/,
    )
    assert.throws(
      () => parseWav(Buffer.alloc(0), { dtype: 'int16' } as never),
      /`dtype` must be 'float32', got 'int16'/,
    )
  })

  it('is given up when the signal says so, with its reason', async () => {
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await assert.rejects(loadWav(`${WAVS}pcm16-1.wav`, { signal }), reason)
    const controller = new AbortController()
    const loading = loadWav(`${WAVS}pcm16-1.wav`, { signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(loading, reason)
  })
})

const once = new Map<string, Buffer>()

function wavFixtureOnce(name: string): Buffer {
  if (!once.has(name)) once.set(name, wavFixture(name))
  return Buffer.from(once.get(name)!)
}
