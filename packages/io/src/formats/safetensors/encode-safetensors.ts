import type { DType, NdArray } from '../../base/array.ts'
import {
  bytesOf,
  checkNdArray,
  DATA_CLASSES,
  IS_LITTLE_ENDIAN,
  swapBytes,
} from '../../base/dtypes.ts'
import { badOption } from '../../base/errors.ts'
import { checkPath, writeFileAtomically } from '../../files/atomic-file.ts'
import { SAFETENSORS_DTYPES } from './safetensors-header.ts'

/** Options of `saveSafetensors` and `encodeSafetensors`. */
export interface SafetensorsWriteOptions {
  /** Texts by name, kept in the header under `__metadata__`. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** A tensor whose bytes are written later. */
export interface TensorShape {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly bytes: number
}

/**
 * The safetensors file of arrays by name, little-endian and row-major. Tensors with large elements
 * come first, as the format's own library has it, so that all are aligned to their elements.
 *
 * @throws MediaError `ERR_BAD_OPTION` if a value is not an array, or a name is reserved
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NdArray>>,
  options: SafetensorsWriteOptions = {},
): Uint8Array {
  return Buffer.concat(safetensorsChunks(tensors, options))
}

/**
 * Saves arrays by name as a safetensors file. It appears whole or not at all, as with `saveNpy`.
 *
 * @param path a path or `file:` URL; an existing file is replaced
 * @throws MediaError `ERR_WRITE`; `ERR_BAD_OPTION` as {@link encodeSafetensors}
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { loadSafetensors, saveSafetensors } from '@spindle/io'
 *
 * const path = `${process.env.TMPDIR ?? '/tmp'}/weights-${process.pid}.safetensors`
 * await saveSafetensors(path, { bias: { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] } })
 * const { tensors } = await loadSafetensors(path)
 * assert.deepEqual(tensors.bias?.data, Float32Array.of(1, 2))
 * ```
 */
export async function saveSafetensors(
  path: string | URL,
  tensors: Readonly<Record<string, NdArray>>,
  options: SafetensorsWriteOptions = {},
): Promise<void> {
  checkPath(path)
  const chunks = safetensorsChunks(tensors, options)
  await writeFileAtomically(path, async (writer) => writer.write(chunks))
}

function safetensorsChunks(
  tensors: Readonly<Record<string, NdArray>>,
  { metadata }: SafetensorsWriteOptions,
): Uint8Array[] {
  if (typeof tensors !== 'object' || tensors === null)
    throw badOption('tensors', 'an object of arrays by name', tensors)
  const chunks: Uint8Array[] = []
  const arrays = Object.entries(tensors)
  for (const [name, array] of arrays) checkNdArray(array, `tensors[${JSON.stringify(name)}]`)
  const shapes = byElementSize(arrays).map(([name, array]) => {
    let bytes = bytesOf(array.data)
    if (!IS_LITTLE_ENDIAN) {
      bytes = Buffer.from(bytes)
      swapBytes(bytes, DATA_CLASSES[array.dtype].BYTES_PER_ELEMENT)
    }
    chunks.push(bytes)
    return [name, { dtype: array.dtype, shape: array.shape, bytes: bytes.byteLength }] as const
  })
  return [safetensorsHeader(new Map(shapes), metadata), ...chunks]
}

/** The bytes before the data of the tensors. */
export function safetensorsHeader(
  tensors: ReadonlyMap<string, TensorShape>,
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  const entries: [string, object][] = []
  if (metadata !== undefined) {
    if (typeof metadata !== 'object' || metadata === null)
      throw badOption('metadata', 'an object of texts', metadata)
    for (const [name, text] of Object.entries(metadata))
      if (typeof text !== 'string') throw badOption(`metadata.${name}`, 'a text', text)
    entries.push(['__metadata__', metadata])
  }
  let at = 0
  for (const [name, { dtype, shape, bytes }] of tensors) {
    if (name === '__metadata__') throw badOption('tensors', 'without the name __metadata__', name)
    entries.push([
      name,
      { dtype: SAFETENSORS_DTYPES[dtype], shape, data_offsets: [at, at + bytes] },
    ])
    at += bytes
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Math.ceil(json.length / 8) * 8
  const header = Buffer.alloc(8 + length, ' ')
  header.writeBigUInt64LE(BigInt(length), 0)
  json.copy(header, 8)
  return header
}

/** Entries whose elements are large first; equal ones keep their order. */
export function byElementSize<A extends { readonly dtype: DType }>(
  entries: readonly (readonly [string, A])[],
): (readonly [string, A])[] {
  const sizeOf = ({ dtype }: A): number => DATA_CLASSES[dtype].BYTES_PER_ELEMENT
  return [...entries].sort(([, a], [, b]) => sizeOf(b) - sizeOf(a))
}
