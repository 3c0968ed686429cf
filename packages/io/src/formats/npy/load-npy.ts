import { anything, type Rules, signal } from 'spindle/options'
import type { AnyNdArray, NdArray } from '../../base/array.ts'
import { checkNdArray } from '../../base/dtypes.ts'
import { mediaOptions } from '../../base/options.ts'
import { readWith, readWithSync } from '../../files/read-with.ts'
import type { Reader, Routine } from '../../files/routine.ts'
import { checkSource, type MediaSource } from '../../files/source.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
import { rowsRule } from './npy-rows.ts'
import { type ParseNpyOptions, readNpy } from './parse-npy.ts'

/** Options of `loadNpy` in `@spindle/io/sync`. */
export interface LoadNpySyncOptions extends ParseNpyOptions {
  /**
   * An array to fill, with the dtype and shape of the elements, for example a slot of a batch; the
   * call returns it. Nothing is allocated: from about 100 KB on, new memory costs more than the
   * read. If the call fails, the elements may have changed.
   */
  readonly into?: NdArray
}

/** Options of `loadNpy`. */
export interface LoadNpyOptions extends LoadNpySyncOptions, UrlOptions {
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const syncRules = { rows: rowsRule, into: anything() } satisfies Rules<LoadNpySyncOptions>
const syncOptions = mediaOptions('LoadNpySyncOptions', syncRules)
const loadOptions = mediaOptions('LoadNpyOptions', {
  ...syncRules,
  signal: signal(),
  ...urlRules,
} satisfies Rules<LoadNpyOptions>)

/**
 * Loads an array in NumPy's npy format from a path, URL, Blob or bytes.
 *
 * With `rows`, only these rows are read from a file or Blob: a batch from an array that is larger
 * than memory costs only the batch. (A column-major array is read as a whole.) Without, `data` is a
 * view of the bytes that were read or given, as in `parseNpy`.
 *
 * @returns the array, row-major
 * @throws MediaError `ERR_READ` if the source cannot be read; otherwise as `parseNpy`
 * @throws the signal's reason if it is aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadNpy, saveNpy } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/embeddings-${process.pid}.npy`
 * await saveNpy(path, { data: new Float32Array(1000 * 64).fill(0.5), dtype: 'float32', shape: [1000, 64] })
 * const batch = await loadNpy(path, { rows: [32, 64] }) // reads 8 KB
 * assert.deepEqual(batch.shape, [32, 64])
 * ```
 */
export async function loadNpy(
  source: MediaSource,
  options: LoadNpyOptions = {},
): Promise<AnyNdArray> {
  checkSource(source, 'source')
  loadOptions.check(options)
  if (options.into !== undefined) checkNdArray(options.into, 'into')
  return readWith(source, options, (reader) => routineOf(reader, options))
}

/** The synchronous form of {@link loadNpy}, for worker ops: from a path, `file:` URL or bytes. */
export function loadNpySync(source: MediaSource, options: LoadNpySyncOptions = {}): AnyNdArray {
  checkSource(source, 'source')
  syncOptions.check(options)
  if (options.into !== undefined) checkNdArray(options.into, 'into')
  return readWithSync(source, (reader) => routineOf(reader, options))
}

function routineOf(reader: Reader, { rows, into }: LoadNpySyncOptions): Routine<AnyNdArray> {
  return readNpy(0, reader.size, rows, reader.isOwn, into)
}
