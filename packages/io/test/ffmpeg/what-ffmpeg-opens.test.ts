import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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
} from '../../src/index.ts'
import { Decoder, Demuxer } from '../../src/media.ts'
import { withReference } from '../video/edit-lists.ts'

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
    'list.sdp':
      'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n',
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

describe('a file that names what lies elsewhere', () => {
  const callers: string[] = []
  const server = createServer((request, response) => {
    callers.push(request.url ?? '')
    response.end('nothing')
  })
  let base = ''
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await saveVideo(at('clip.mp4'), solid([5, 32, 32, 3], 100) as never, { frameRate: 5 })
  })
  after(() => server.close())

  const files: Record<string, () => string | Uint8Array> = {
    'list.m3u8': () =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="${base}/key"\n#EXTINF:1,\n${base}/a.ts\n#EXT-X-ENDLIST\n`,
    'variants.m3u8': () => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${base}/other.m3u8\n`,
    'list.ffconcat': () => `ffconcat version 1.0\nfile ${base}/other.ts\n`,
    'list.mpd': () =>
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="0" bandwidth="1"><BaseURL>${base}/o.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    'list.m3u': () => `#EXTM3U\n${base}/other.mp3\n`,
    'list.pls': () => `[playlist]\nFile1=${base}/other.mp3\nNumberOfEntries=1\n`,
    'list.asx': () => `<asx version="3.0"><entry><ref href="${base}/other.wmv"/></entry></asx>`,
    'picture.svg': () =>
      `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><image xlink:href="${base}/a.png" width="9" height="9"/></svg>`,
    'reference.mov': () => withReference(readFileSync(at('clip.mp4')), `${base}/other.mov`),
  }
  for (const [name, make] of Object.entries(files))
    it(`has nothing else fetched: ${name}`, async () => {
      writeFileSync(at(name), make())
      for (const source of [at(name), readFileSync(at(name))])
        for (const open of Object.values(ways)) await open(source).catch(() => {})
      assert.deepEqual(callers, [])
    })

  it('has its neighbours left alone: what a reference, a VobSub index and an MLV name', async () => {
    const LONG_AGO = 1e12
    // Magic Lantern's files go on in NAME.m00, m01, …; a VobSub index in NAME.sub.
    const mlv = Buffer.alloc(52 + 16)
    mlv.write('MLVI', 0, 'latin1')
    mlv.writeUInt32LE(52, 4)
    mlv.write('v2.0', 8, 'latin1')
    const names: Record<string, Uint8Array> = {
      'clip.mlv': mlv,
      'titles.idx': Buffer.from(
        '# VobSub index file, v7\nsize: 720x576\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 0\n',
      ),
      'local.mov': withReference(readFileSync(at('clip.mp4')), at('other.mov')),
    }
    const neighbours = ['clip.m00', 'titles.sub', 'other.mov'].map(at)
    for (const [name, bytes] of Object.entries(names)) writeFileSync(at(name), bytes)
    for (const path of neighbours) {
      writeFileSync(path, readFileSync(at('clip.mp4')))
      utimesSync(path, new Date(LONG_AGO), new Date(LONG_AGO))
    }
    for (const name of Object.keys(names))
      for (const open of Object.values(ways)) await open(at(name)).catch(() => {})
    for (const path of neighbours) assert.equal(statSync(path).atimeMs, LONG_AGO, path)
  })
})

describe('a decoder that may end the process', () => {
  it('is not opened: AC-4 sound', async () => {
    const sound = {
      data: new Float32Array(8000),
      dtype: 'float32',
      shape: [1, 8000],
      sampleRate: 8000,
    }
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
