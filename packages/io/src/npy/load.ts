import type { AnyNdArray } from '../array.ts'
import { checkSignal } from '../check.ts'
import { withSource } from '../errors.ts'
import { openReader, openReaderSync } from '../file/reader.ts'
import { run, runSync } from '../file/routine.ts'
import { checkSource, describeSource, type MediaSource } from '../source.ts'
import { checkParseOptions, type ParseNpyOptions, readNpy } from './parse.ts'

/** Options of `loadNpy`. */
export interface LoadNpyOptions extends ParseNpyOptions {
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Loads an array in NumPy's npy format from a path, URL, Blob or bytes.
 *
 * With `rows`, only these are read from a file or Blob: a batch out of an array larger than memory costs the batch. (Of a column-major
 * array everything is read.) Without, `data` is a view of the bytes that were read, or given, as `parseNpy` says.
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
export async function loadNpy(source: MediaSource, options: LoadNpyOptions = {}): Promise<AnyNdArray> {
  checkSource(source, 'source')
  checkParseOptions(options, ['signal'])
  const { rows, signal } = options
  checkSignal(signal)
  signal?.throwIfAborted()
  try {
    const reader = await openReader(source, signal)
    try {
      return await run(readNpy(0, reader.size, rows, reader.isOwn), { reader }, signal)
    } finally {
      await reader.close()
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw withSource(error, describeSource(source))
  }
}

/** {@link loadNpy} for worker ops: a path, `file:` URL or bytes, done when it returns. */
export function loadNpySync(source: MediaSource, options: ParseNpyOptions = {}): AnyNdArray {
  checkSource(source, 'source')
  checkParseOptions(options)
  const reader = openReaderSync(source)
  try {
    return runSync(readNpy(0, reader.size, options.rows, reader.isOwn), { reader })
  } catch (error) {
    throw withSource(error, describeSource(source))
  } finally {
    reader.close()
  }
}
