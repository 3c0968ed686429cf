import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type Ended, runProgram, sourceUrl } from '../child-program.ts'
import { SETTLES } from '../rss-settles.ts'
import { encodedSweeps, scratch } from './audio-support.ts'

const { folder, remove } = scratch()
after(remove)
const files = encodedSweeps(1)
for (const [format, bytes] of Object.entries(files))
  writeFileSync(join(folder, `a.${format}`), bytes)
writeFileSync(join(folder, 'cut.mp3'), files.mp3.subarray(0, files.mp3.length >> 1))

/** Runs a module in a process of its own, which must end by itself. */
function child(source: string): Ended {
  const preamble = `
    import { readFileSync } from 'node:fs'
    import { encodeAudio, loadAudio, probe } from ${JSON.stringify(sourceUrl('index'))}
    import { encodeAudioSync, loadAudioSync, probeSync } from ${JSON.stringify(sourceUrl('sync'))}
    ${SETTLES}
    const folder = ${JSON.stringify(`${folder}/`)}
    const names = ['a.wav', 'a.flac', 'a.mp3', 'a.m4a', 'a.opus', 'a.ogg', 'cut.mp3']
    const files = [...names.map((name) => folder + name), ...names.map((name) => readFileSync(folder + name))];`
  return runProgram(preamble + source, '--expose-gc')
}

describe('a program that loads sound', () => {
  it('ends by itself, and prints nothing', () => {
    const { status, stdout, stderr } = child(`
      for (const file of files) {
        await loadAudio(file, { sampleRate: 8000 }).catch(() => {})
        try { loadAudioSync(file, { sampleRate: 8000 }); probeSync(file) } catch {}
      }
      await encodeAudio(loadAudioSync(files[0]), { format: 'mp3' })
      process.stdout.write('done')`)
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'done', stderr: '' })
  })

  it('process.exit and an exception are clean while sound is being decoded', () => {
    const busy =
      'await Promise.any(Array.from({ length: 40 }, (_, i) => loadAudio(files[i % 13])));'
    assert.equal(child(`${busy} process.exit(3)`).status, 3)
    const thrown = child(`${busy} throw new Error('on purpose')`)
    assert.equal(thrown.status, 1)
    assert.match(thrown.stderr, /on purpose/)
  })

  it('does not grow', () => {
    const { status, stdout, stderr } = child(`
      const round = async () => {
        for (let i = 0; i < 20; i++) {
          for (const file of files) {
            try { loadAudioSync(file, { sampleRate: 16000, channels: 1, window: [0, 0.2] }) } catch {}
          }
          encodeAudioSync({ data: new Float32Array(1600), dtype: 'float32', shape: [1600] }, { format: 'mp3', sampleRate: 16000 })
          if (i % 10 === 0) await new Promise(setImmediate)
        }
      }
      process.stdout.write(JSON.stringify(await settles(round, 6)))`)
    assert.equal(status, 0, stderr)
    // A buffer of 32 KB that is lost with each clip would be 9.
    const growth = JSON.parse(stdout) as number[]
    assert.ok((growth.at(-1) as number) < 6, `grew by ${growth} MiB`)
  })
})
