import { badOption } from '../check.ts'
import type { Sink } from '../engine/sink.ts'
import { messageOf, SpindleError } from '../errors.ts'
import { options as declare, func, type Rules } from '../options/index.ts'
import type { ObjectStore } from '../source/store/object-store.ts'
import type { ShardManifest } from './commit-log.ts'
import { compressed } from './compressed-output.ts'
import type { ShardFormat } from './shard-format.ts'
import { type CompressedShardOptions, compressedShardRules } from './shard-options.ts'
import { shardSink } from './shard-sink.ts'

/** Options of {@link jsonlShards}. */
export interface JsonlShardOptions<T> extends CompressedShardOptions {
  /**
   * The rows of an item, each of which becomes a line. Default: the item itself is one row. For
   * items that are batches: `rows: (batch) => batch`.
   */
  readonly rows?: (item: T) => Iterable<unknown>
}

const jsonlOptions = declare('JsonlShardOptions', {
  ...compressedShardRules,
  rows: func(),
} satisfies Rules<JsonlShardOptions<unknown>>)

/**
 * A sink that writes JSON Lines: one row of JSON per line, in UTF-8, in shards of equal size.
 *
 * Shards, their manifest (`manifest.json`: names, counts, digests) and the state of the pipeline
 * are committed together. After a crash, a power cut or a full disk, what is committed is complete,
 * and `writeTo` with `resume: true` continues there.
 *
 * @param place a folder, a URL that `openStore` takes (`s3://bucket/out`), or a store
 * @throws `ERR_BAD_OPTION`; `ERR_UNSUPPORTED` for `'zstd'` before Node 22.15
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync, readFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { PipelineBuilder } from 'spindle'
 * import { jsonlShards } from 'spindle/sinks'
 *
 * const folder = mkdtempSync(join(tmpdir(), 'rows-'))
 * const pipeline = new PipelineBuilder().addSource([1, 2, 3]).pipe((n) => ({ n, square: n * n })).build()
 * const result = await pipeline.writeTo(jsonlShards(folder, { maxRecords: 2 }), { resume: true })
 * assert.deepEqual(result?.shards.map(({ name, count }) => `${name} ${count}`), ['shard-000000.jsonl 2', 'shard-000001.jsonl 1'])
 * assert.equal(readFileSync(join(folder, 'shard-000001.jsonl'), 'utf8'), '{"n":3,"square":9}\n')
 * ```
 */
export function jsonlShards<T>(
  place: string | URL | ObjectStore,
  options: JsonlShardOptions<T> = {},
): Sink<T, ShardManifest> {
  jsonlOptions.check(options)
  const { rows, compress, ...rest } = options
  const plain = jsonlFormat(rows)
  const format = compress === undefined ? plain : compressed(plain, compress)
  return shardSink(place, format, rest, [])
}

function jsonlFormat<T>(rows: ((item: T) => Iterable<unknown>) | undefined): ShardFormat<T> {
  return {
    kind: 'jsonl',
    extension: '.jsonl',
    encoder: (output) => ({
      keptBytes: 0,
      add: (item) => {
        if (rows === undefined) {
          output.push(Buffer.from(lineOf(item)))
          return 1
        }
        // All rows first, so that an item is written as a whole or not at all.
        const lines = Array.from(rowsOf(rows, item), lineOf)
        output.push(Buffer.from(lines.join('')))
        return lines.length
      },
      finish: () => {},
    }),
  }
}

function rowsOf<T>(rows: (item: T) => Iterable<unknown>, item: T): Iterable<unknown> {
  const found = rows(item)
  if (typeof found?.[Symbol.iterator] !== 'function')
    badOption('rows', 'a function that gives an iterable of rows', found)
  return found
}

function lineOf(row: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(row)
  } catch (error) {
    throw new SpindleError('ERR_BAD_RECORD', `a row cannot be JSON: ${messageOf(error)}`, {
      cause: error,
    })
  }
  if (text === undefined)
    throw new SpindleError(
      'ERR_BAD_RECORD',
      `a row must be a value that JSON has, got ${typeof row === 'function' ? 'a function' : String(row)}`,
    )
  return `${text}\n`
}
