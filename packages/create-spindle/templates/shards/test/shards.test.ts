import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { END_OF_TEXT, tokenize } from '../src/ops.js'
import { SEQUENCE_TOKENS, sequences } from '../src/pipeline.js'
import { makeSample } from '../src/sample.js'

test('the tokens of a text are its bytes and an end', () => {
  assert.deepEqual([...tokenize({ text: 'aé' })], [97, 0xc3, 0xa9, END_OF_TEXT])
})

test('packed sequences hold all tokens of all texts, and none is too long', async () => {
  const file = makeSample(join(mkdtempSync(join(tmpdir(), 'shards-')), 'texts.jsonl'), 50)
  const pipeline = (await sequences(file)).build()
  let ends = 0
  for await (const { inputIds } of pipeline) {
    assert(inputIds.data.length <= SEQUENCE_TOKENS)
    for (const id of inputIds.data) if (Number(id) === END_OF_TEXT) ends++
  }
  assert.equal(ends, 50)
})
