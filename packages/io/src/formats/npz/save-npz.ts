import { boolean, type Rules } from 'spindle/options'
import type { NdArray } from '../../base/array.ts'
import { checkNdArray } from '../../base/dtypes.ts'
import { badOption } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { checkPath, writeFileAtomically, writeFileAtomicallySync } from '../../files/atomic-file.ts'
import { collect } from '../../files/collect.ts'
import { type Routine, run, runSync, type WriteRequest } from '../../files/routine.ts'
import { npyChunks } from '../npy/encode-npy.ts'
import { writeZip, type ZipInput } from '../zip/write-zip.ts'

/** Options of `saveNpz` and `encodeNpz`. */
export interface SaveNpzOptions {
  /**
   * Whether the arrays are deflated, as by `np.savez_compressed`. Default false: faster to write
   * and to read.
   */
  readonly compress?: boolean
}

const saveOptions = mediaOptions('SaveNpzOptions', {
  compress: boolean({ default: false }),
} satisfies Rules<SaveNpzOptions>)

/** Arrays by name. */
export type NamedArrays = Readonly<Record<string, NdArray>>

/**
 * Saves arrays by name as an npz file. Without `compress` it is byte for byte what NumPy's
 * `np.savez` writes. It appears whole or not at all, as with `saveNpy`.
 *
 * @param path a path or `file:` URL; what is there is replaced
 * @throws MediaError `ERR_WRITE` when the file system refuses; `ERR_BAD_OPTION` for what is no
 *   array, or an option that is unknown or
 * breaks its rule
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadNpz, saveNpz } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/zeros-${process.pid}.npz`
 * const zeros = { data: new Float32Array(1000), dtype: 'float32', shape: [10, 100] } as const
 * await saveNpz(path, { zeros }, { compress: true })
 * const npz = await loadNpz(path)
 * assert.deepEqual((await npz.get('zeros')).shape, [10, 100])
 * await npz.close()
 * ```
 */
export async function saveNpz(
  path: string | URL,
  arrays: NamedArrays,
  options: SaveNpzOptions = {},
): Promise<void> {
  checkPath(path)
  const routine = npzRoutine(arrays, options)
  await writeFileAtomically(path, (writer) => run(routine, { writer }))
}

/** {@link saveNpz} for worker ops, done when it returns. */
export function saveNpzSync(
  path: string | URL,
  arrays: NamedArrays,
  options: SaveNpzOptions = {},
): void {
  checkPath(path)
  const routine = npzRoutine(arrays, options)
  writeFileAtomicallySync(path, (writer) => runSync(routine, { writer }))
}

/**
 * The npz file of arrays, in memory, synchronously. @throws MediaError `ERR_BAD_OPTION` as
 * `saveNpz`
 */
export function encodeNpz(arrays: NamedArrays, options: SaveNpzOptions = {}): Uint8Array {
  return collect(npzRoutine(arrays, options))
}

function npzRoutine(arrays: NamedArrays, options: SaveNpzOptions): Routine<void, WriteRequest> {
  if (typeof arrays !== 'object' || arrays === null)
    throw badOption('arrays', 'an object of arrays by name', arrays)
  const { compress } = saveOptions.check(options)
  const members: ZipInput[] = Object.entries(arrays).map(([name, array]) => {
    checkNdArray(array, `arrays[${JSON.stringify(name)}]`)
    if (name === '' || Buffer.byteLength(name) > 0xffff - 4) {
      throw badOption('arrays', 'named by 1 to 65531 bytes', name)
    }
    return { name: `${name}.npy`, chunks: npyChunks(array) }
  })
  return writeZip(members, compress)
}
