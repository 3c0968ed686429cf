import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type AudioInput,
  demux,
  encodeImage,
  loadAudio,
  loadVideo,
  type MediaError,
  probe,
  sampleVideo,
  saveAudio,
  saveVideo,
} from '../src/index.ts'
import { Decoder, Demuxer } from '../src/media.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-opens-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)
const solid = (frames: number[], value: number) => ({
  data: new Uint8Array(frames.reduce((product, side) => product * side, 1)).fill(value),
  dtype: 'uint8' as const,
  shape: frames,
})

const ways: Record<string, (source: string | Uint8Array) => Promise<unknown>> = {
  probe,
  demux,
  loadAudio,
  loadVideo,
  sampleVideo: (source) => sampleVideo(source, { count: 1 }),
}

describe('a file is what is in it, whatever it is called', () => {
  before(async () => {
    await saveVideo(at('white.mp4'), solid([5, 32, 32, 3], 255) as never, { frameRate: 5 })
    for (const n of [0, 1, 2])
      writeFileSync(
        at(`img00${n}.jpg`),
        await encodeImage(solid([32, 32, 3], 10 * n) as never, { format: 'jpeg' }),
      )
  })

  for (const name of [
    'img%03d.jpg',
    'img*.jpg',
    'img?.png',
    'img[0-2].jpg',
    'img{0,1}.bmp',
    '%d',
    'plain.jpg',
  ])
    it(`${name} is a video of five white frames`, async () => {
      copyFileSync(at('white.mp4'), at(name))
      const { data, shape } = await loadVideo(at(name))
      assert.deepEqual(shape, [5, 32, 32, 3])
      assert.ok(data.every((sample) => sample > 250))
      assert.deepEqual((await sampleVideo(at(name), { count: 2 })).shape, [2, 32, 32, 3])
      assert.equal((await probe(at(name))).kind, 'video')
      const packets = await demux(at(name))
      assert.equal(packets.length, 5)
      rmSync(at(name))
    })
})

describe('a file that names others', () => {
  const LONG_AGO = 1e12
  const lists: Record<string, string> = {
    'list.m3u8': '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n',
    'list.ffconcat': 'ffconcat version 1.0\nfile other.ts\n',
    'list.mpd':
      '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="0" bandwidth="1"><BaseURL>other.ts</BaseURL></Representation></AdaptationSet></Period></MPD>',
    'list.sdp': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n',
  }
  before(async () => {
    await saveAudio(
      at('other.wav'),
      {
        data: new Float32Array(800),
        dtype: 'float32',
        shape: [1, 800],
        sampleRate: 8000,
      } as unknown as AudioInput,
      { format: 'wav' },
    )
    copyFileSync(at('other.wav'), at('other.ts'))
    for (const [name, text] of Object.entries(lists)) writeFileSync(at(name), text)
  })

  for (const name of Object.keys(lists))
    for (const [way, open] of Object.entries(ways))
      it(`${way} opens none of them: ${name}`, async () => {
        utimesSync(at('other.ts'), new Date(LONG_AGO), new Date(LONG_AGO))
        for (const source of [at(name), readFileSync(at(name))])
          await assert.rejects(open(source), ({ code }: MediaError) =>
            /ERR_UNSUPPORTED|ERR_DECODE/.test(code),
          )
        assert.equal(statSync(at('other.ts')).atimeMs, LONG_AGO)
      })
})

describe('a decoder that may end the process', () => {
  it('is not opened: AC-4 sound', async () => {
    const sound = { data: new Float32Array(8000), dtype: 'float32', shape: [1, 8000], sampleRate: 8000 }
    await saveAudio(at('sound.m4a'), sound as unknown as AudioInput, { format: 'm4a' })
    const bytes = readFileSync(at('sound.m4a'))
    // The sample entry tells the codec, and the box in it would tell another.
    bytes.write('ac-4', bytes.indexOf('mp4a', bytes.indexOf('stsd')), 'latin1')
    bytes.write('free', bytes.indexOf('esds'), 'latin1')
    await assert.rejects(loadAudio(bytes), { code: 'ERR_UNSUPPORTED', message: /AC-4/ })
    // What its header tells is told.
    const info = await probe(bytes)
    assert.ok(info.kind === 'audio')
    assert.equal(info.codec, 'ac4')
  })

  it('is not opened: subtitles', () => {
    writeFileSync(at('text.srt'), '1\n00:00:00,000 --> 00:00:01,000\nHello\n\n')
    using demuxer = new Demuxer(at('text.srt'))
    const [stream] = demuxer.streams
    assert.equal(stream?.kind, 'subtitle')
    assert.throws(() => new Decoder(stream), {
      code: 'ERR_UNSUPPORTED',
      message: /neither pictures nor sound/,
    })
  })
})
