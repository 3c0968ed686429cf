import type { DType } from '../base/array.ts'
import { openRanges } from '../files/fetch.ts'
import { openReader } from '../files/open-reader.ts'
import { readHead } from '../formats/npy/npy-header.ts'
import { parseSafetensorsHeader } from '../formats/safetensors/safetensors-header.ts'
import type { Inspected, Inspection } from './inspection.ts'

/** Arrays whose names are shown. */
const MOST_SHOWN = 50

export function isNpy({ head }: Inspected): boolean {
  return head.subarray(0, 6).equals(Buffer.from('\x93NUMPY', 'latin1'))
}

export function isSafetensors({ head, size }: Inspected): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false
  const length = head.readBigUInt64LE(0)
  return length >= 2n && length <= 100_000_000n && length + 8n <= BigInt(size)
}

/** What an npy or safetensors file holds: its header tells. */
export async function inspectArrays(file: Inspected): Promise<Inspection> {
  const { head, size } = file
  if (isNpy(file)) {
    const { header } = readHead(head)
    const { shape } = header
    return {
      kind: 'npy',
      bytes: size,
      ...(shape.length > 0 && { records: shape[0] as number }),
      fields: { array: describeArray(header.dtype, shape) },
    }
  }
  const length = Number(head.readBigUInt64LE(0))
  const json =
    head.length >= 8 + length ? head.subarray(8, 8 + length) : await bytesAt(file, 8, length)
  const { tensors, metadata } = parseSafetensorsHeader(json, size)
  const shown = [...tensors].slice(0, MOST_SHOWN)
  return {
    kind: 'safetensors',
    bytes: size,
    records: tensors.size,
    fields: Object.fromEntries(
      shown.map(([name, { dtype, shape, isBfloat16 }]) => [
        name,
        describeArray(isBfloat16 ? 'bfloat16' : dtype, shape),
      ]),
    ),
    ...(Object.keys(metadata).length > 0 && { facts: metadata }),
  }
}

/** dtype and shape in words: `float32 [10, 3]`. */
export function describeArray(dtype: DType | 'bfloat16', shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`
}

async function bytesAt(
  { place, fetching }: Inspected,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  if (place instanceof URL) return await (await openRanges(place, fetching)).read(offset, length)
  const reader = await openReader(place, fetching)
  try {
    return Buffer.from(await reader.read(offset, length))
  } finally {
    await reader.close()
  }
}
