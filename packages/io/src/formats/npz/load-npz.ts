import { type Rules, signal as signalRule } from 'spindle/options'
import { viewOfBytes } from '../../base/dtypes.ts'
import { mediaOptions } from '../../base/options.ts'
import { openWith, openWithSync } from '../../files/read-with.ts'
import { checkSource, describeSource, type MediaSource } from '../../files/source.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
import { NpzFile, NpzFileSync } from './npz-file.ts'
import { type NpzOptions, type NpzPlan, npzPlan, npzRules, readNpzMembers } from './npz-members.ts'

/** Options of `loadNpz`. */
export interface LoadNpzOptions extends NpzOptions, UrlOptions {
  /** Gives up opening: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const loadOptions = mediaOptions('LoadNpzOptions', {
  ...npzRules,
  signal: signalRule(),
  ...urlRules,
} satisfies Rules<LoadNpzOptions>)

/**
 * Opens an npz: the zip of npy files that NumPy's `np.savez` and `np.savez_compressed` write. Only
 * its directory is read; each array is when it is asked for. Stored and deflated members, zip64,
 * and archives with a comment or something in front are understood.
 *
 * @throws MediaError with `code`
 * - `ERR_READ`: the source cannot be read
 * - `ERR_DECODE`: not a zip file, damaged or truncated
 * - `ERR_UNSUPPORTED`: one part of several
 * - `ERR_BAD_OPTION`: an option is unknown or breaks its rule
 * @throws the signal's reason, when aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadNpz, saveNpz } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/pair-${process.pid}.npz`
 * await saveNpz(path, {
 *   image: { data: new Uint8Array(3 * 4 * 4), dtype: 'uint8', shape: [3, 4, 4] },
 *   label: { data: BigInt64Array.of(7n), dtype: 'int64', shape: [] },
 * })
 * const npz = await loadNpz(path)
 * assert.deepEqual(npz.keys(), ['image', 'label'])
 * const [image, label] = await Promise.all([npz.get('image'), npz.get('label')])
 * assert.deepEqual(image.shape, [3, 4, 4])
 * assert.equal(label.data[0], 7n)
 * await npz.close()
 * ```
 */
export async function loadNpz(source: MediaSource, options: LoadNpzOptions = {}): Promise<NpzFile> {
  checkSource(source, 'source')
  const plan = npzPlan(options, loadOptions)
  const { reader, value } = await openWith(source, options, ({ size }) => readNpzMembers(size))
  return new NpzFile(describeSource(source), reader, value, plan)
}

/**
 * {@link loadNpz} for worker ops: a path, `file:` URL or bytes; its arrays are read synchronously.
 */
export function loadNpzSync(source: MediaSource, options: NpzOptions = {}): NpzFileSync {
  checkSource(source, 'source')
  const plan = npzPlan(options)
  return openSync(source, plan)
}

/**
 * Opens an npz in memory, synchronously. Arrays that are stored as they are come as views of
 * `bytes`, without a copy, where their elements are aligned: always those of one byte an element,
 * others by chance, for zip aligns nothing.
 *
 * @throws MediaError as `loadNpz`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeNpz, parseNpz } from '@spindle/io'
 *
 * const bytes = encodeNpz({ x: { data: Uint8Array.of(1, 2), dtype: 'uint8', shape: [2] } })
 * const npz = parseNpz(bytes)
 * assert.equal(npz.get('x').data.buffer, bytes.buffer) // a view
 * ```
 */
export function parseNpz(
  bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer,
  options: NpzOptions = {},
): NpzFileSync {
  const view = viewOfBytes(bytes)
  const plan = npzPlan(options)
  return openSync(view, plan)
}

function openSync(source: MediaSource, plan: NpzPlan): NpzFileSync {
  const { reader, value } = openWithSync(source, ({ size }) => readNpzMembers(size))
  return new NpzFileSync(describeSource(source), reader, value, plan)
}
