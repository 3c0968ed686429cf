import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { embed } from '../src/ops.js'
import { embeddings } from '../src/pipeline.js'
import { makeSample } from '../src/sample.js'

test('the op gives a vector of length 1', () => {
  const data = new Uint8Array(16 * 16 * 3).fill(7)
  const { vector } = embed({ path: 'a', image: { data, dtype: 'uint8', shape: [16, 16, 3] } })
  assert.equal(vector.length, 192)
  assert(Math.abs(Math.hypot(...vector) - 1) < 1e-3)
})

test('every picture of a folder gets a vector, and a damaged one is dropped', async () => {
  const folder = await makeSample(mkdtempSync(join(tmpdir(), 'embed-')), 6)
  writeFileSync(join(folder, 'damaged.jpg'), 'no picture')
  const pipeline = (await embeddings(folder)).build({ maxFailures: 1 })
  const rows: { path: string }[] = []
  for await (const row of pipeline) rows.push(row)
  assert.equal(rows.length, 6)
  assert.equal(new Set(rows.map(({ path }) => path)).size, 6)
})
