import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { checkUploads } from '../../../../examples/uploads/uploads.ts'
import { encodeWav } from '../../src/index.ts'
import { VIDEOS } from '../video/made-videos.ts'

const folder = mkdtempSync(join(tmpdir(), 'spindle-uploads-'))
after(() => rmSync(folder, { recursive: true }))

it('the example of a service that takes uploads tells good files from others', async () => {
  const bomb = Buffer.from(VIDEOS.mp4!())
  bomb.writeUInt32BE(1, bomb.lastIndexOf('stsz') + 8)
  bomb.writeUInt32BE(80_000_000, bomb.lastIndexOf('stsz') + 12)
  const files: Record<string, [contents: string | Uint8Array, verdict: unknown]> = {
    'clip.mp4': [VIDEOS.mp4!(), { ok: true, kind: 'video' }],
    'sound.wav': [
      encodeWav(
        { data: new Int16Array(8000), dtype: 'int16', shape: [8000] },
        { sampleRate: 8000 },
      ),
      { ok: true, kind: 'audio' },
    ],
    'bomb.mp4': [bomb, { ok: false, code: 'ERR_DECODE' }],
    'list.mp4': [
      '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1/admin\n',
      { ok: false, code: 'ERR_UNSUPPORTED' },
    ],
    'page.png': ['<html></html>', { ok: false, code: 'ERR_DECODE' }],
    empty: ['', { ok: false, code: 'ERR_DECODE' }],
  }
  const paths = Object.entries(files).map(([name, [contents]]) => {
    writeFileSync(join(folder, name), contents)
    return join(folder, name)
  })
  const wanted = Object.entries(files).map(([name, [, verdict]]) => [join(folder, name), verdict])
  assert.deepEqual([...(await checkUploads(paths))], wanted)
})
