import type { NdArray } from '../../base/array.ts'
import { checkNdArray } from '../../base/dtypes.ts'
import { checkPath, writeFileAtomically, writeFileAtomicallySync } from '../../files/atomic-file.ts'
import { npyChunks } from './encode-npy.ts'

/**
 * Saves an array as an npy file, byte for byte as NumPy's `np.save` writes it. The file appears
 * whole or not at all: it is written beside the target and then renamed. (It is not forced to disk:
 * a power failure can lose it.)
 *
 * @param path a path or `file:` URL; an existing file is replaced
 * @throws MediaError `ERR_WRITE` if the file system refuses; `ERR_BAD_OPTION` as `encodeNpy`
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadNpy, saveNpy } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/labels-${process.pid}.npy`
 * await saveNpy(path, { data: BigInt64Array.of(3n, 1n, 2n), dtype: 'int64', shape: [3] })
 * assert.deepEqual((await loadNpy(path)).data, BigInt64Array.of(3n, 1n, 2n))
 * ```
 */
export async function saveNpy(path: string | URL, array: NdArray): Promise<void> {
  checkPath(path)
  checkNdArray(array, 'array')
  await writeFileAtomically(path, async (writer) => writer.write(npyChunks(array)))
}

/** The synchronous form of {@link saveNpy}, for worker ops. */
export function saveNpySync(path: string | URL, array: NdArray): void {
  checkPath(path)
  checkNdArray(array, 'array')
  writeFileAtomicallySync(path, (writer) => writer.write(npyChunks(array)))
}
