import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Tokenizer } from '@huggingface/tokenizers'
import { loadNpy, npyShards } from '@spindle/io'
import { textFeeds, tokenize } from '@spindle/models'
import fc from 'fast-check'
import { PipelineBuilder } from 'spindle'
import { packDocuments } from 'spindle/loader'
import { cachingWords } from '../../src/session/word-cache.ts'

const words = 'the cat sat on a mat and ran to see dog ##s ##ing un ##able , . !'.split(' ')
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]']
const vocab = Object.fromEntries([...special, ...words].map((word, id) => [word, id]))
/** A WordPiece tokenizer as of BERT, with a small vocabulary. */
const json = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: special.map((content, id) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false },
    ...{ normalized: false, special: true },
  })),
  normalizer: {
    ...{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true },
    ...{ strip_accents: null, lowercase: true },
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    ...{ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##' },
    ...{ max_input_chars_per_word: 100, vocab },
  },
}
const folder = mkdtempSync(join(tmpdir(), 'spindle-tokenizer-'))
writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json))
const texts = Array.from(
  { length: 150 },
  (_, i) => `The cats ran, ${'sat on a mat '.repeat(i % 9)}dog!`,
)

describe('tokenize()', () => {
  it('gives the ids of @huggingface/tokenizers, in batches of texts', async () => {
    const known = new Tokenizer(json, {})
    const stage = tokenize(folder, { sessions: 1 })
    const pipeline = new PipelineBuilder()
      .addSource(texts)
      .pipe(stage, { outputOrder: 'input' })
      .build()
    const all: number[][] = []
    for await (const ids of pipeline) {
      assert.ok(ids instanceof Uint32Array)
      all.push([...ids])
    }
    assert.deepEqual(
      all,
      texts.map((text) => known.encode(text).ids),
    )
    const [session] = stage.stats().sessions
    assert.ok((session?.batchSize ?? 0) > 8, `${session?.batchSize} texts in a batch`)
  })

  it('encodes words by look-up only where that gives the same ids', () => {
    const known = new Tokenizer(json, {})
    const plainly = (text: string) => known.encode(text, { add_special_tokens: false }).ids
    const encode = cachingWords(json, plainly)
    const pieces = [
      ...[
        'the',
        'cats',
        'Sitting',
        'MAT',
        ' ',
        '  ',
        '\n',
        '\t',
        ',',
        '.',
        '!',
        'ran!to',
        'unable',
      ],
      ...[
        '[CLS]',
        '[sep]',
        '[MASK',
        'é',
        'e\u0301',
        '\u0301',
        'ΟΔΟΣ',
        '貓',
        '\u0000',
        '\u00a0',
        '\u2028',
      ],
      ...['x'.repeat(120), '\ud83d\ude00', '\ufffd', '\u200b', 'İ', '[', ']', '##s'],
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        for (const text of [parts.join(''), parts.join(' ')])
          assert.deepEqual(encode(text), plainly(text), JSON.stringify(text))
      }),
      { numRuns: 400 },
    )
    const other = { ...json, pre_tokenizer: { type: 'ByteLevel' } }
    assert.equal(cachingWords(other, plainly), plainly)
  })

  it('cuts long texts as Hugging Face does, and takes texts of items', async () => {
    await using stage = tokenize(join(folder, 'tokenizer.json'), {
      ...{ sessions: 1, maxTokens: 5, dtype: 'int32' },
      inputs: (item: { readonly text: string }) => item.text,
      result: (ids, item) => [item.text, ...ids],
    })
    assert.deepEqual(await stage.run({ text: 'the cat sat on' }), ['the cat sat on', 2, 4, 5, 6, 3])
    await using plain = tokenize(folder, { sessions: 1, maxTokens: 2, specialTokens: false })
    assert.deepEqual([...(await plain.run('the cat sat'))], [4, 5])
    await assert.rejects(plain.run(4 as never), { code: 'ERR_MODEL_INPUT' })
  })

  it('makes the inputs of a text model', async () => {
    await using stage = textFeeds(folder, { sessions: 1 })
    const { input_ids, attention_mask, token_type_ids } = await stage.run('cat')
    assert.deepEqual([input_ids.data, input_ids.shape], [BigInt64Array.of(2n, 5n, 3n), [3]])
    assert.deepEqual(attention_mask.data, BigInt64Array.of(1n, 1n, 1n))
    assert.deepEqual(token_type_ids.data, BigInt64Array.of(0n, 0n, 0n))
  })

  it('goes into packs, and into shards of uint16', async () => {
    const out = mkdtempSync(join(tmpdir(), 'spindle-tokens-'))
    await new PipelineBuilder()
      .addSource(texts)
      .pipe(tokenize(folder, { sessions: 1, dtype: 'uint16' }), { outputOrder: 'input' })
      .aggregate(packDocuments<Uint16Array>({ maxTokens: 128, openPacks: 4 }))
      .pipe((pack) => Uint16Array.from(pack.flatMap((ids) => [...ids])))
      .build()
      .writeTo(npyShards(out))
    const known = new Tokenizer(json, {})
    const count = texts.reduce((sum, text) => sum + known.encode(text).ids.length, 0)
    const { dtype, shape } = await loadNpy(join(out, 'shard-000000.npy'))
    assert.deepEqual([dtype, shape], ['uint16', [count]])
  })

  it('says which tokenizer cannot be opened', async () => {
    await using stage = tokenize('no-such-folder', { sessions: 1 })
    await assert.rejects(stage.run('a'), { code: 'ERR_MODEL_LOAD', message: /no-such-folder/ })
  })
})
