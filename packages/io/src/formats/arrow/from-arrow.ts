import {
  choice,
  integer,
  list,
  type Rules,
  type RulesOf,
  signal as signalRule,
} from 'spindle/options'
import { type AsyncSource, type ColumnBatch, defineAsyncSource } from 'spindle/source'
import { badOption, MediaError, mediaError, withSource } from '../../base/errors.ts'
import { limit, mediaOptions } from '../../base/options.ts'
import { nodeCrypto } from '../../builtins.ts'
import { fetchingOf, type UrlOptions, urlRules } from '../../files/url-options.ts'
import { type FilePlace, findFiles, type TableFiles } from '../parquet/places.ts'
import { openRanges, type Ranges } from '../parquet/ranges.ts'
import { type ArrowBatch, ArrowColumns, type ArrowForm } from './arrow-columns.ts'
import type { MessagePlace } from './flat-table.ts'
import { bounded, type Flechette, loadFlechette } from './flechette.ts'
import { type ArrowIndex, headOf, indexOf } from './messages.ts'

/** Options of {@link streamArrow}. */
export interface ArrowOptions {
  /** The columns to give. Default: all. */
  readonly columns?: readonly string[]
  /** Texts as `string[]`, or as their bytes with `textOffsets`. Default `'strings'`. */
  readonly texts?: 'strings' | 'utf8'
  /**
   * Lists as `[rows, n]` if all of a batch have `n` items and none is null (`'auto'`), or never
   * (`'offsets'`), or always, where anything else is an error (`'fixed'`). Lists of a fixed size
   * are always `[rows, n]`. Default `'auto'`.
   */
  readonly lists?: 'auto' | 'offsets' | 'fixed'
  /**
   * Largest record batch and dictionary, in bytes, and most bytes that one of their buffers may
   * decompress to. More is an error, `ERR_TOO_LARGE`. An integer >= 1, or `Infinity`. Default 1
   * GiB.
   */
  readonly maxBatchBytes?: number
  /** Aborts: opening and iterating reject with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of {@link fromArrow}. */
export interface FromArrowOptions extends ArrowOptions, UrlOptions {
  /** Record batches that are read before they are needed, in bytes. Default 64 MiB. */
  readonly readAheadBytes?: number
}

export const arrowRules: RulesOf<ArrowOptions, 'texts' | 'lists' | 'maxBatchBytes'> = {
  columns: list('name', (name) => typeof name === 'string', { minLength: 1 }),
  texts: choice(['strings', 'utf8'], { default: 'strings' }),
  lists: choice(['auto', 'offsets', 'fixed'], { default: 'auto' }),
  maxBatchBytes: limit(1024 ** 3),
  signal: signalRule(),
}

const fromArrowOptions = mediaOptions('FromArrowOptions', {
  ...arrowRules,
  readAheadBytes: integer({ min: 0, default: 64 * 2 ** 20 }),
  ...urlRules,
} satisfies Rules<FromArrowOptions>)

/**
 * The record batches of Arrow files (IPC file format, also called Feather 2, and IPC stream
 * format), as a seekable source of batches of columns. It uses the library `@uwdata/flechette`,
 * which you install beside this package. Numbers without nulls, fixed-size lists and bytes are
 * views of the bytes that were read; nothing is copied. Buffers may be compressed with LZ4, or zstd
 * from Node 22.15 on.
 *
 * A position is a record batch, so a run is resumed at its batch at once. In the stream format, the
 * heads of all messages are read first to find them. A resume state belongs to the columns, and to
 * schemas and places of all batches.
 *
 * @param files paths, URLs, or names in `store`; strings may have braces and patterns
 * @throws MediaError `ERR_BACKEND_MISSING` if `@uwdata/flechette` is not installed; `ERR_DECODE` if
 *   a file is no Arrow file or is damaged; `ERR_UNSUPPORTED`; `ERR_TOO_LARGE`; `ERR_READ`;
 *   `ERR_BAD_OPTION`, also for an unknown column
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { fromArrow } from '@spindle/io'
 *
 * const batches = await fromArrow('packages/io/test/arrow/types.arrow', { columns: ['i32', 'vec'] })
 * for await (const { i32, vec } of batches.iterateFrom(1, 0)) {
 *   assert.deepEqual([i32!.dtype, i32!.shape], ['int32', [20]])
 *   assert.deepEqual(vec!.shape, [20, 4])
 *   break
 * }
 * ```
 */
export async function fromArrow(
  files: TableFiles,
  options: FromArrowOptions = {},
): Promise<AsyncSource<ColumnBatch>> {
  const checked = fromArrowOptions.check(options)
  const { signal } = checked
  signal?.throwIfAborted()
  const library = await loadFlechette()
  const places = await findFiles(files, checked.store, fetchingOf(options))
  const opened: ArrowFile[] = []
  for (const place of places) opened.push(await openArrow(place, library, checked))
  signal?.throwIfAborted()
  const batches = opened.flatMap((file) =>
    file.index.batches.map((place): PlacedBatch => ({ file, place })),
  )
  const hash = nodeCrypto().createHash('sha256')
  for (const { index } of opened) {
    hash.update(index.schema)
    hash.update(JSON.stringify([index.dictionaries, index.batches]))
  }
  const columns = checked.columns === undefined ? null : [...checked.columns]
  const digest = hash.digest('hex').slice(0, 16)
  const size = batches.length
  return defineAsyncSource<ColumnBatch>({
    size,
    description: { kind: 'Arrow', size, digest, columns },
    pick: (positions) => readBatches(positions, batches, library, checked),
  })
}

interface ArrowFile extends FilePlace {
  readonly index: ArrowIndex
}

interface PlacedBatch {
  readonly file: ArrowFile
  readonly place: MessagePlace
}

/** The checked options that reading needs. */
export interface ArrowReading extends ArrowForm {
  readonly columns?: readonly string[] | undefined
  readonly maxBatchBytes: number
  readonly signal?: AbortSignal | undefined
}

async function openArrow(
  file: FilePlace,
  library: Flechette,
  { columns, maxBatchBytes, signal }: ArrowReading,
): Promise<ArrowFile> {
  const ranges = await openRanges(file.place, file.fetching)
  try {
    const index = await indexOf(ranges.buffer)
    for (const { size } of [...index.dictionaries, ...index.batches]) checkSize(size, maxBatchBytes)
    checkColumns(library, index.schema, columns)
    return { ...file, index }
  } catch (error) {
    signal?.throwIfAborted()
    throw faultOf(error, file.name)
  } finally {
    await ranges.close()
  }
}

/** @throws MediaError `ERR_TOO_LARGE`, without the name of the file */
export function checkSize(size: number, maxBatchBytes: number): void {
  if (size > maxBatchBytes)
    throw new MediaError(
      'ERR_TOO_LARGE',
      `a record batch of ${size} bytes; \`maxBatchBytes\` is ${maxBatchBytes}`,
    )
}

/** @throws MediaError `ERR_BAD_OPTION` for an unknown column */
export function checkColumns(
  library: Flechette,
  schema: Uint8Array,
  columns: readonly string[] | undefined,
): void {
  const { names } = library.tableFromIPC([schema])
  const unknown = columns?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw badOption('columns', `some of ${names.join(', ')}`, unknown)
}

async function* readBatches(
  positions: Iterable<number>,
  batches: readonly PlacedBatch[],
  library: Flechette,
  options: ArrowReading & { readonly readAheadBytes: number },
): AsyncGenerator<ColumnBatch, void, void> {
  const reader = new MessageReader()
  const steps = positions[Symbol.iterator]()
  const queue: { readonly batch: PlacedBatch; readonly bytes: Promise<Uint8Array> }[] = []
  let ahead = 0
  let isDone = false
  const pull = (): boolean => {
    const step = isDone ? undefined : steps.next()
    if (step === undefined || step.done === true) {
      isDone = true
      return false
    }
    const batch = batches[step.value]!
    const bytes = reader.read(batch.file, batch.place)
    bytes.catch(() => undefined) // reported when the batch is needed
    queue.push({ batch, bytes })
    ahead += batch.place.size
    return true
  }
  try {
    for (;;) {
      if (queue.length === 0 && !pull()) return
      const { batch, bytes } = queue.shift()!
      ahead -= batch.place.size
      while (ahead < options.readAheadBytes && pull());
      try {
        const message = await bytes
        options.signal?.throwIfAborted()
        const dictionaries = await reader.dictionaries(batch)
        const { schema } = batch.file.index
        yield decodeBatch(library, [schema, ...dictionaries, message], options)
      } catch (error) {
        options.signal?.throwIfAborted()
        throw faultOf(error, batch.file.name)
      }
    }
  } finally {
    steps.return?.()
    await Promise.allSettled(queue.map(({ bytes }) => bytes))
    await reader.close()
  }
}

/** Reads messages. Each has memory of its own, of which its batch has views. */
class MessageReader {
  readonly #files = new Map<ArrowFile, Promise<Ranges>>()
  readonly #dictionaries = new Map<MessagePlace, Uint8Array>()

  async read(file: ArrowFile, { offset, size }: MessagePlace): Promise<Uint8Array> {
    let ranges = this.#files.get(file)
    if (ranges === undefined) {
      ranges = openRanges(file.place, file.fetching)
      this.#files.set(file, ranges)
    }
    return new Uint8Array(await (await ranges).buffer.slice(offset, offset + size))
  }

  /** The dictionaries in front of a batch; in the file format, they may be anywhere. */
  async dictionaries({ file, place }: PlacedBatch): Promise<Uint8Array[]> {
    const { dictionaries, isStream } = file.index
    const found: Uint8Array[] = []
    for (const dictionary of dictionaries) {
      if (isStream && dictionary.offset > place.offset) continue
      let bytes = this.#dictionaries.get(dictionary)
      if (bytes === undefined) {
        bytes = await this.read(file, dictionary)
        this.#dictionaries.set(dictionary, bytes)
      }
      found.push(bytes)
    }
    return found
  }

  async close(): Promise<void> {
    for (const ranges of this.#files.values())
      await ranges.then(
        (opened) => opened.close(),
        () => undefined,
      )
  }
}

/** The batch of messages: a schema, dictionaries, and one record batch. */
export function decodeBatch(
  library: Flechette,
  messages: Uint8Array[],
  options: ArrowReading,
): ColumnBatch {
  return bounded(options.maxBatchBytes, () => {
    for (const message of messages) headOf(message)
    const table = library.tableFromIPC(messages)
    const columns = new ArrowColumns(library, options)
    const wanted = options.columns ?? table.names
    return Object.fromEntries(
      wanted.map((name) => {
        const column = table.children[table.names.indexOf(name)]
        const batch = column?.data[0] as unknown as ArrowBatch | undefined
        if (batch === undefined)
          throw new MediaError('ERR_DECODE', `damaged: no column "${name}" in a record batch`)
        return [name, columns.columnOf(name, batch)]
      }),
    )
  })
}

/** An error with the name of the file. The library's own errors are of damaged files. */
export function faultOf(error: unknown, name: string): unknown {
  if (error instanceof MediaError) return withSource(error, name)
  const { message } = error as Error
  const isUnsupported = /unsupported|not supported|unrecognized/i.test(message)
  return mediaError(isUnsupported ? 'ERR_UNSUPPORTED' : 'ERR_DECODE', name, error)
}
