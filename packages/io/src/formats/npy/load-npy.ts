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
   * An array for the elements, of the dtype and shape that they have, for example a slot of a
   * batch; the call gives it back. Nothing is allocated: fresh memory costs more than reading into
   * it, from about 100 KB on. When the call fails, its elements may have changed.
   */
  readonly into?: NdArray
}

/** Options of `loadNpy`. */
export interface LoadNpyOptions extends LoadNpySyncOptions, UrlOptions {
  /** Gives up: the call rejects with the signal's reason. */
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
 * With `rows`, only these are read from a file or Blob: a batch out of an array larger than memory
 * costs the batch. (Of a column-major array everything is read.) Without, `data` is a view of the
 * bytes that were read, or given, as `parseNpy` says.
 *
 * @returns row-major
 * @throws MediaError `ERR_READ` when the source cannot be read; otherwise as `parseNpy`
 * @throws the signal's reason, when aborted
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

/** {@link loadNpy} for worker ops: a path, `file:` URL or bytes, done when it returns. */
export function loadNpySync(source: MediaSource, options: LoadNpySyncOptions = {}): AnyNdArray {
  checkSource(source, 'source')
  syncOptions.check(options)
  if (options.into !== undefined) checkNdArray(options.into, 'into')
  return readWithSync(source, (reader) => routineOf(reader, options))
}

function routineOf(reader: Reader, { rows, into }: LoadNpySyncOptions): Routine<AnyNdArray> {
  return readNpy(0, reader.size, rows, reader.isOwn, into)
}
