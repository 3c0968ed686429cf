import { sniffCompression } from '../formats/archive/compression.ts'
import { fromArrow } from '../formats/arrow/from-arrow.ts'
import { loadNpz } from '../formats/npz/load-npz.ts'
import { iterateTar } from '../formats/tar/iterate-tar.ts'
import { ZipFile } from '../formats/zip/zip-file.ts'
import { fromParquet } from './from-parquet.ts'
import { describeArray } from './inspect-arrays.ts'
import { shortened } from './inspect-records.ts'
import type { Inspected, Inspection } from './inspection.ts'

const MOST_SHOWN = 20

/** Whether a file is an archive, a Parquet file or an Arrow file. */
export function isArchive(file: Inspected): boolean {
  return isParquet(file) || isArrow(file) || isZip(file) || isTar(file) || isCompressedTar(file)
}

function isParquet({ head }: Inspected): boolean {
  return head.toString('latin1', 0, 4) === 'PAR1'
}

function isArrow({ head }: Inspected): boolean {
  return head.toString('latin1', 0, 6) === 'ARROW1'
}

function isZip({ head }: Inspected): boolean {
  return ['504b0304', '504b0506'].includes(head.toString('hex', 0, 4))
}

function isTar({ head }: Inspected): boolean {
  return head.toString('latin1', 257, 262) === 'ustar'
}

function isCompressedTar({ name, head }: Inspected): boolean {
  return /\.(?:tar\.\w+|tgz|tzst)$/i.test(name) && sniffCompression(head) !== undefined
}

/** What an archive or a table holds. */
export async function inspectArchive(file: Inspected): Promise<Inspection> {
  if (isParquet(file)) return await inspectParquet(file)
  if (isArrow(file)) return await inspectArrow(file)
  if (isZip(file)) return await inspectZip(file)
  const compression = sniffCompression(file.head)
  let first: unknown
  // The members of a tar archive are known only at its end, so the first one is shown.
  for await (const { path, size } of iterateTar(file.place, file.fetching as never)) {
    first = { path, size }
    break
  }
  return { kind: 'tar', bytes: file.size, ...(compression && { compression }), first }
}

async function inspectParquet({ place, size, fetching }: Inspected): Promise<Inspection> {
  const rows = await fromParquet(place, { ...fetching, readAheadBytes: 0 } as never)
  let first: Readonly<Record<string, unknown>> = {}
  for await (const row of rows) {
    first = row
    break
  }
  const types = Object.entries(first).map(([name, value]) => [name, typeOf(value)])
  return {
    kind: 'parquet',
    bytes: size,
    records: rows.size ?? 0,
    fields: Object.fromEntries(types),
    ...(rows.size === 0 ? {} : { first: shortened(first) }),
  }
}

async function inspectArrow({ place, size, fetching }: Inspected): Promise<Inspection> {
  const batches = await fromArrow(place, { ...fetching, readAheadBytes: 0 } as never)
  const facts = { batches: batches.size ?? 0 }
  for await (const batch of batches) {
    const fields = Object.entries(batch).map(([name, { dtype, shape, offsets }]) => [
      name,
      offsets === undefined
        ? `${dtype} [${['rows', ...shape.slice(1)].join(', ')}]`
        : `lists of ${dtype}`,
    ])
    return { kind: 'arrow', bytes: size, fields: Object.fromEntries(fields), facts }
  }
  return { kind: 'arrow', bytes: size, records: 0, facts }
}

async function inspectZip({ place, size, fetching, name }: Inspected): Promise<Inspection> {
  const zip = await ZipFile.open(place, fetching as never)
  const paths = zip.paths()
  try {
    const [first] = paths
    const isNpz = paths.length > 0 && paths.every((path) => path.endsWith('.npy'))
    if (!isNpz && !/\.npz$/i.test(name))
      return {
        kind: 'zip',
        bytes: size,
        records: paths.length,
        ...(first !== undefined && { first: { path: first } }),
      }
  } finally {
    await zip.close()
  }
  const npz = await loadNpz(place, fetching as never)
  try {
    const fields: Record<string, string> = {}
    for (const key of npz.keys().slice(0, MOST_SHOWN)) {
      const { dtype, shape } = await npz.get(key)
      fields[key] = describeArray(dtype, shape)
    }
    return { kind: 'npz', bytes: size, records: npz.keys().length, fields }
  } finally {
    await npz.close()
  }
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null in the first row'
  if (Array.isArray(value)) return `list of ${value.length} in the first row`
  if (typeof value === 'object') return value.constructor?.name ?? 'object'
  return typeof value
}
