import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { runChild } from '../support/child.ts'

/** Writes batches and commits every other one with the state; kills itself. */
const child = (dir: string, killAt: number) => `
import { PipelineBuilder } from 'spindle'
import { FileCheckpoint } from 'spindle/checkpoint'
const output = await FileCheckpoint.open(${JSON.stringify(dir)})
const pipeline = new PipelineBuilder().addSource(Array.from({ length: 60 }, (_, i) => i))
  .pipe(async function* (x) { for (let k = 0; k < x % 3; k++) yield x * 10 + k }, { concurrency: 3 })
  .pipe(async (x) => { await new Promise((r) => setTimeout(r, (x * 7) % 3)); return x }, { concurrency: 4 })
  .aggregate(4).build({ resumable: true, ...(output.state && { state: output.state }) })
let seen = 0
for await (const batch of pipeline) {
  await output.write(batch.join('\\n') + '\\n')
  pipeline.commit(batch)
  if (++seen === ${killAt}) process.kill(process.pid, 'SIGKILL')
  if (seen % 2 === 0) await output.commit(() => pipeline.state())
}
await output.commit(() => pipeline.state())
await output.close()
`
it('a pipeline that is killed again and again writes each item once', async () => {
  for (const kills of [
    [3, 4],
    [1, 6],
  ]) {
    const dir = join(mkdtempSync(join(tmpdir(), 'e2e-')), 'out')
    for (const k of [...kills, 1e9]) {
      const r = await runChild(child(dir, k))
      assert.equal(r.signal, k === 1e9 ? null : 'SIGKILL', r.stderr)
      assert.equal(r.stderr, '')
    }
    const got = readdirSync(dir)
      .filter((n) => n.startsWith('part'))
      .flatMap((n) => readFileSync(join(dir, n), 'utf8').trim().split('\n'))
      .map(Number)
      .sort((a, b) => a - b)
    const want = Array.from({ length: 60 }, (_, x) =>
      Array.from({ length: x % 3 }, (_, k) => x * 10 + k),
    )
      .flat()
      .sort((a, b) => a - b)
    assert.deepEqual(got, want)
  }
})
