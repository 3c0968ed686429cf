import { type FileSinkOptions, fileSink, type Sink, type WrittenFile } from 'spindle/sinks'
import type { NdArray } from '../base/array.ts'
import { DATA_CLASSES } from '../base/dtypes.ts'
import { npyHeader } from '../formats/npy/encode-npy.ts'
import { readHead } from '../formats/npy/npy-header.ts'
import { RowBlocks } from './row-blocks.ts'

/**
 * A sink that appends arrays to one npy file of this machine, however large: for embeddings that
 * are read by rows (`loadNpy(path, { rows })`, `np.load(path, mmap_mode='r')`). Each item is a
 * batch whose first side counts rows; all have the same dtype and row shape.
 *
 * After each commit the file is a valid npy file with the rows so far. With `resume: true`, a run
 * that was killed continues behind them. The commits are in `<path>.spindle`.
 *
 * @throws `ERR_BAD_OPTION`, also while writing for a batch that does not fit; `ERR_EXISTS` for a
 *   file of somebody else; `ERR_CHECKPOINT_TAKEN` while another process writes it
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { PipelineBuilder } from 'spindle'
 * import { loadNpy, npyFile } from '@spindle/io'
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'embeddings-')), 'all.npy')
 * const batches = [4, 4, 2].map((rows) => ({ data: new Float32Array(rows * 3), dtype: 'float32' as const, shape: [rows, 3] }))
 * const written = await new PipelineBuilder().addSource(batches).build().writeTo(npyFile(path), { resume: true })
 * assert.equal(written?.count, 10)
 * assert.deepEqual((await loadNpy(path)).shape, [10, 3])
 * ```
 */
export function npyFile(
  path: string | URL,
  options: FileSinkOptions = {},
): Sink<NdArray | NodeJS.TypedArray, WrittenFile> {
  return fileSink(
    path,
    {
      kind: 'npy file',
      encoder: () => {
        const rows = new RowBlocks('item')
        return {
          add: (item, output) => {
            const array = rows.check(item)
            rows.add(array)
            for (const block of rows.blocks.splice(0)) output.push(block)
            return array.shape[0] as number
          },
          header: (records) => npyHeader(rows.dtype, [records, ...rows.shape.slice(1)]),
          resume: (head) => {
            const { header, dataOffset } = readHead(head)
            const data = new DATA_CLASSES[header.dtype](0)
            const shape = [0, ...header.shape.slice(1)]
            rows.add({ data, dtype: header.dtype, shape } as NdArray)
            return dataOffset
          },
        }
      },
    },
    options,
  )
}
