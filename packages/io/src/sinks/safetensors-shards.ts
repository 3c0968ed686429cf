import type { Rules } from 'spindle/options'
import {
  type ShardFormat,
  type ShardManifest,
  type ShardOptions,
  type Sink,
  shardRules,
  shardSink,
} from 'spindle/sinks'
import type { ObjectStore } from 'spindle/source'
import type { NdArray } from '../base/array.ts'
import { MediaError, printValue } from '../base/errors.ts'
import { mediaOptions, stringsRule } from '../base/options.ts'
import { byElementSize, safetensorsHeader } from '../formats/safetensors/encode-safetensors.ts'
import { RowBlocks } from './row-blocks.ts'

/** Shards are kept in memory until they are complete, because their header has the shapes. */
const MAX_BYTES = 64_000_000

/** A batch of rows: arrays by name, whose first sides are equal. */
export type NamedBatch = Readonly<Record<string, NdArray | NodeJS.TypedArray>>

/** Options of {@link safetensorsShards}. */
export interface SafetensorsShardOptions extends ShardOptions {
  /** Texts by name, kept in the header of each shard. */
  readonly metadata?: Readonly<Record<string, string>>
}

const safetensorsOptions = mediaOptions('SafetensorsShardOptions', {
  ...shardRules,
  metadata: stringsRule,
} satisfies Rules<SafetensorsShardOptions>)

/**
 * A sink that writes named arrays as safetensors files. Each item is a batch: an object of arrays
 * with the same number of rows, such as `{ id, embedding }`. The rows of all batches of a shard
 * follow each other in one tensor per name.
 *
 * Shards, manifest and the state of the pipeline are committed together, as by `jsonlShards`. A
 * shard is kept in memory until it is complete; the default of `maxBytes` is 64 000 000.
 *
 * @throws MediaError `ERR_BAD_OPTION`, also while writing for a batch that does not fit
 */
export function safetensorsShards(
  place: string | URL | ObjectStore,
  options: SafetensorsShardOptions = {},
): Sink<NamedBatch, ShardManifest> {
  safetensorsOptions.check(options)
  const { metadata, maxBytes = MAX_BYTES, ...rest } = options
  return shardSink(place, safetensorsFormat(metadata), { ...rest, maxBytes })
}

function safetensorsFormat(
  metadata: Readonly<Record<string, string>> | undefined,
): ShardFormat<NamedBatch> {
  return {
    kind: 'safetensors',
    extension: '.safetensors',
    encoder: (output) => {
      const columns = new Map<string, RowBlocks>()
      return {
        get keptBytes() {
          let bytes = 0
          for (const column of columns.values()) bytes += column.bytes
          return bytes
        },
        add: (batch) => {
          const arrays = checkBatch(batch, columns)
          for (const [name, array] of arrays) {
            const column = columns.get(name) ?? new RowBlocks(name)
            columns.set(name, column)
            column.add(array)
          }
          return arrays[0]?.[1].shape[0] ?? 0
        },
        finish: () => {
          const ordered = byElementSize([...columns])
          output.push(safetensorsHeader(new Map(ordered), metadata))
          for (const [, { blocks }] of ordered) for (const block of blocks) output.push(block)
        },
      }
    },
  }
}

function checkBatch(
  batch: NamedBatch,
  columns: ReadonlyMap<string, RowBlocks>,
): (readonly [string, NdArray])[] {
  if (typeof batch !== 'object' || batch === null || Object.keys(batch).length === 0)
    throw badBatch('an object of arrays by name', batch)
  const names = Object.keys(batch)
  const missing = [...columns.keys()].filter((name) => !Object.hasOwn(batch, name))
  if (columns.size > 0 && (missing.length > 0 || names.length !== columns.size))
    throw badBatch(`of the arrays ${[...columns.keys()].join(', ')} as before`, names)
  const arrays = names.map((name) => {
    if (name === '__metadata__') throw badBatch('without the name __metadata__', name)
    return [name, (columns.get(name) ?? new RowBlocks(name)).check(batch[name])] as const
  })
  const rows = new Set(arrays.map(([, { shape }]) => shape[0]))
  if (rows.size > 1) throw badBatch('of arrays with the same number of rows', [...rows])
  return arrays
}

function badBatch(rule: string, value: unknown): MediaError {
  return new MediaError('ERR_BAD_OPTION', `an item must be ${rule}, got ${printValue(value)}`)
}
