import type { NdArray } from '../array.ts'
import { badOption, MediaError, printValue } from '../errors.ts'
import { checkSource, type ImageSource } from '../source.ts'
import { backends } from './backends.ts'
import { decodeSource } from './load-image.ts'
import { checkInteger, type ImageTarget, imageTarget, type LoadImageOptions } from './options.ts'

/** Options of `loadImageBatch`. */
export interface LoadImageBatchOptions extends LoadImageOptions {
  /** Width of every image in the batch, in pixels. */
  readonly width: number
  /** Height of every image in the batch, in pixels. */
  readonly height: number
  /**
   * `true`, the default: the first failure rejects the call. `false`: images that fail are left out, and reported in
   * {@link ImageBatch.failures}.
   */
  readonly strict?: boolean
  /** An array to fill instead of a new one: uint8, `[sources, height, width, 3]` or `[sources, 3, height, width]`. */
  readonly into?: NdArray
  /** Images read and decoded at a time, 1 to 1024. Default 8. */
  readonly concurrency?: number
}

/** One source that could not be loaded. */
export interface ImageFailure {
  /** Its position among the sources. */
  readonly index: number
  readonly source: ImageSource
  readonly error: MediaError
}

/**
 * Images of one size in one array: uint8, `[images, height, width, 3]` or, with `layout: 'CHW'`, `[images, 3, height, width]`.
 * Its rows are in the order of the sources.
 */
export interface ImageBatch extends NdArray<'uint8'> {
  /** For each row, the position of its source. Without failures: 0, 1, 2, … */
  readonly indices: readonly number[]
  /** The sources that were left out, in order; always empty when `strict`. */
  readonly failures: readonly ImageFailure[]
}

/**
 * Loads images of any size into one batch. Each is decoded straight into its place, several at a time; the batch is one
 * allocation, or none with `into`.
 *
 * With `strict: false` the good images are moved together when others failed, and `data` and `shape` cover only them: a view of
 * the first rows, empty where every image failed.
 *
 * @throws MediaError of the failed source that comes first, when `strict`; none of the batch's memory is written to afterwards.
 * `ERR_BAD_OPTION` for an empty list, an option that breaks its rule, or an `into` that does not fit. Codes as for `loadImage`.
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadImageBatch } from '@spindle/io'
 *
 * const paths = ['cat-1.png', 'damaged/empty.jpg', 'fig-1.jpg'].map((name) => `examples/photos/${name}`)
 * const batch = await loadImageBatch(paths, { width: 224, height: 224, layout: 'CHW', strict: false })
 * assert.deepEqual(batch.shape, [2, 3, 224, 224])
 * assert.deepEqual(batch.indices, [0, 2])
 * assert.equal(batch.failures[0]?.error.message, 'examples/photos/damaged/empty.jpg: is empty')
 * ```
 */
export async function loadImageBatch(
  sources: readonly ImageSource[],
  options: LoadImageBatchOptions,
): Promise<ImageBatch> {
  const target = imageTarget(options, ['strict', 'into', 'concurrency'])
  const { strict = true, concurrency = 8, signal } = options
  checkBatch(sources, options)
  const shape = batchShape(sources.length, target)
  const data = options.into === undefined ? new Uint8Array(product(shape)) : checkInto(options.into, shape)
  signal?.throwIfAborted()
  const backend = await backends.get(options.backend)

  const size = product(shape.slice(1))
  const failures: ImageFailure[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < sources.length && !(strict && failures.length > 0) && !signal?.aborted) {
      const index = next++
      const source = sources[index]!
      try {
        await decodeSource(
          source,
          backend,
          target,
          () => data.subarray(index * size, (index + 1) * size),
          signal,
        )
      } catch (error) {
        if (!(error instanceof MediaError)) throw error
        failures.push({ index, source, error })
      }
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, sources.length) }, lane))
  signal?.throwIfAborted()
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason

  failures.sort((a, b) => a.index - b.index)
  if (strict && failures.length > 0) throw failures[0]!.error
  return gather(data, shape, failures)
}

/** Moves the good rows together and says where they came from. */
function gather(data: Uint8Array, shape: readonly number[], failures: readonly ImageFailure[]): ImageBatch {
  const [count, ...rest] = shape as [number, ...number[]]
  const size = product(rest)
  const failed = new Set(failures.map(({ index }) => index))
  const indices: number[] = []
  for (let index = 0; index < count; index++) {
    if (failed.has(index)) continue
    if (indices.length < index) data.copyWithin(indices.length * size, index * size, (index + 1) * size)
    indices.push(index)
  }
  const good = failed.size === 0 ? data : data.subarray(0, indices.length * size)
  return { data: good, dtype: 'uint8', shape: [indices.length, ...rest], indices, failures }
}

function checkBatch(sources: readonly ImageSource[], options: LoadImageBatchOptions): void {
  if (!Array.isArray(sources) || sources.length === 0)
    throw badOption('sources', 'an array of at least one source', sources)
  for (const [index, source] of sources.entries()) checkSource(source, `sources[${index}]`)
  const { width, height, strict = true, concurrency = 8 } = options
  if (width === undefined) throw badOption('width', 'given for a batch', width)
  if (height === undefined) throw badOption('height', 'given for a batch', height)
  if (typeof strict !== 'boolean') throw badOption('strict', 'true or false', strict)
  checkInteger('concurrency', concurrency, 1024)
}

function checkInto(into: NdArray, shape: readonly number[]): Uint8Array {
  const isUint8 = into?.dtype === 'uint8' && into.data instanceof Uint8Array
  if (!isUint8 || String(into.shape) !== String(shape)) {
    const got = into?.shape === undefined ? printValue(into) : `${into.dtype} [${into.shape}]`
    throw new MediaError('ERR_BAD_OPTION', `\`into\` must be a uint8 array of shape [${shape}], got ${got}`)
  }
  const data = into.data as Uint8Array
  if (data.length === product(shape)) return data
  throw badOption('into.data', `of ${product(shape)} elements, as its shape says`, data.length)
}

function batchShape(count: number, { width = 0, height = 0, layout }: ImageTarget): readonly number[] {
  return layout === 'HWC' ? [count, height, width, 3] : [count, 3, height, width]
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1)
}
