import { is, type Rules } from 'spindle/options'
import {
  type CompressedShardOptions,
  compressed,
  compressedShardRules,
  type ShardFormat,
  type ShardManifest,
  type Sink,
  shardSink,
} from 'spindle/sinks'
import type { ObjectStore } from 'spindle/source'
import type { NdArray } from '../base/array.ts'
import { checkNdArray } from '../base/dtypes.ts'
import { MediaError, printValue } from '../base/errors.ts'
import { mediaOptions } from '../base/options.ts'
import { npyChunks } from '../formats/npy/encode-npy.ts'
import { paddingOf, TAR_BLOCK, tarHeader } from '../formats/tar/tar-header.ts'

/** What a file of a sample is made from. */
export type TarFile = Uint8Array | ArrayBuffer | string | number | NdArray | object

/** A sample of a WebDataset: files with a common name. */
export interface TarSample {
  /** Path and name of the files, without ending: `train/0001`. */
  readonly __key__: string
  /**
   * The files by their endings. Bytes and texts are written as they are, numbers as decimal digits,
   * an array under an ending in `npy` as an npy file, and other objects as JSON.
   */
  readonly files: Readonly<Record<string, TarFile>>
}

/** Options of {@link tarShards}. */
export interface TarShardOptions extends CompressedShardOptions {
  /** Time of the members. Default 1980-01-01, so that equal samples give equal bytes. */
  readonly mtime?: Date
}

const tarOptions = mediaOptions('TarShardOptions', {
  ...compressedShardRules,
  mtime: is('a Date since 1970', (value) => value instanceof Date && value.getTime() >= 0),
} satisfies Rules<TarShardOptions>)

/** Tar archives are filled up to a multiple of this. */
const RECORD = 20 * TAR_BLOCK

/**
 * A sink that writes a WebDataset: tar archives whose members with the same name are one sample.
 * `fromWebDataset` and other readers of the format read them.
 *
 * Shards, manifest and the state of the pipeline are committed together, as by `jsonlShards`.
 *
 * @param place a folder, a URL that `openStore` takes (`s3://bucket/out`), or a store
 * @throws MediaError `ERR_BAD_OPTION`; while writing, `ERR_BAD_OPTION` for a sample that readers
 *   would not find again
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { PipelineBuilder } from 'spindle'
 * import { fromWebDataset, tarShards } from '@spindle/io'
 *
 * const folder = mkdtempSync(join(tmpdir(), 'samples-'))
 * const samples = [1, 2, 3].map((n) => ({ __key__: `train/${n}`, files: { txt: `text ${n}`, cls: n } }))
 * const result = await new PipelineBuilder().addSource(samples).build().writeTo(tarShards(folder))
 * const keys: string[] = []
 * for await (const { __key__, files } of await fromWebDataset(join(folder, 'shard-000000.tar')))
 *   keys.push(`${__key__} ${Buffer.from(files.cls!)}`)
 * assert.deepEqual(keys, ['train/1 1', 'train/2 2', 'train/3 3'])
 * assert.equal(result?.count, 3)
 * ```
 */
export function tarShards(
  place: string | URL | ObjectStore,
  options: TarShardOptions = {},
): Sink<TarSample, ShardManifest> {
  tarOptions.check(options)
  const { mtime = new Date(Date.UTC(1980, 0)), compress, ...rest } = options
  const plain = tarFormat(mtime.getTime() / 1000)
  return shardSink(place, compress === undefined ? plain : compressed(plain, compress), rest)
}

function tarFormat(mtimeSec: number): ShardFormat<TarSample> {
  return {
    kind: 'tar',
    extension: '.tar',
    encoder: (output) => {
      let size = 0
      const push = (bytes: Uint8Array): void => {
        size += bytes.byteLength
        output.push(bytes)
      }
      return {
        keptBytes: 0,
        add: (sample) => {
          // Everything is checked and encoded first: a sample is written as a whole or not at all.
          for (const { header, data } of membersOf(sample, mtimeSec)) {
            push(header)
            for (const piece of data.pieces) push(piece)
            push(ZEROS.subarray(0, paddingOf(data.size)))
          }
          return 1
        },
        finish: () => {
          // Two blank blocks end the archive.
          const end = 2 * TAR_BLOCK
          push(Buffer.alloc(end + ((RECORD - ((size + end) % RECORD)) % RECORD)))
        },
      }
    },
  }
}

const ZEROS = Buffer.alloc(TAR_BLOCK)

function membersOf(sample: TarSample, mtimeSec: number) {
  const { __key__: key, files } = (sample ?? {}) as Partial<TarSample>
  if (typeof key !== 'string' || typeof files !== 'object' || files === null)
    throw badSample('must be { __key__, files }', sample)
  const name = key.slice(key.lastIndexOf('/') + 1)
  // Readers take everything after the first dot of the name as the ending.
  if (name === '' || name.includes('.'))
    throw badSample('must have a `__key__` whose last part is not empty and has no dot', key)
  const endings = new Set<string>()
  return Object.entries(files).map(([ending, file]) => {
    if (ending === '' || ending.includes('/') || ending.startsWith('.'))
      throw badSample('must have endings without "/" that do not begin with a dot', ending)
    if (endings.has(ending.toLowerCase()))
      throw badSample('must have endings that differ in more than case', ending)
    endings.add(ending.toLowerCase())
    const data = dataOf(ending, file)
    return { header: tarHeader(`${key}.${ending}`, data.size, mtimeSec), data }
  })
}

function dataOf(ending: string, file: TarFile): { size: number; pieces: readonly Uint8Array[] } {
  if (file instanceof Uint8Array) return { size: file.byteLength, pieces: [file] }
  if (file instanceof ArrayBuffer) return dataOf(ending, new Uint8Array(file))
  if (typeof file === 'string') return dataOf(ending, Buffer.from(file))
  if (typeof file === 'number' || typeof file === 'bigint') return dataOf(ending, String(file))
  if (/(?:^|\.)npy$/i.test(ending)) {
    checkNdArray(file, `files.${ending}`)
    const pieces = npyChunks(file)
    return { size: pieces[0].byteLength + pieces[1].byteLength, pieces }
  }
  if (typeof file !== 'object' || file === null || ArrayBuffer.isView(file))
    throw badSample(`must have bytes, a text, a number or an object under "${ending}"`, file)
  return dataOf(ending, JSON.stringify(file))
}

function badSample(rule: string, value: unknown): MediaError {
  return new MediaError('ERR_BAD_OPTION', `a sample ${rule}, got ${printValue(value)}`)
}
