import type { ColumnChunk, FileMetaData } from 'hyparquet'
import { MediaError } from '../../base/errors.ts'
import type { Ranges } from './ranges.ts'

/** Largest footer: its parts become objects, which are many times larger than in the file. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024

/**
 * Refuses a file whose footer, by its last bytes, is encrypted or too large.
 *
 * @throws MediaError `ERR_UNSUPPORTED`, `ERR_TOO_LARGE`
 */
export async function refuseByEnd({ buffer }: Ranges, name: string): Promise<void> {
  if (buffer.byteLength < 8) return
  const end = await buffer.slice(buffer.byteLength - 8)
  const bytes = new DataView(end).getUint32(0, true)
  const magic = Buffer.from(end).toString('latin1', 4)
  if (magic === 'PARE')
    throw fault(
      'ERR_UNSUPPORTED',
      name,
      `its footer is encrypted (Parquet modular encryption), ${DECRYPT}`,
    )
  if (magic !== 'PAR1' || bytes <= MAX_FOOTER_BYTES) return
  throw fault(
    'ERR_TOO_LARGE',
    name,
    `its footer has ${bytes} bytes; at most ${MAX_FOOTER_BYTES} are read`,
  )
}

/**
 * Refuses columns that cannot be read, before any of them is read.
 *
 * @param columns the wanted columns; `undefined` for all
 * @param codecs the codecs that can be decompressed
 * @throws MediaError `ERR_UNSUPPORTED`
 */
export function refuseColumns(
  { row_groups: groups }: FileMetaData,
  columns: readonly string[] | undefined,
  codecs: readonly string[],
  name: string,
): void {
  for (const { columns: chunks } of groups) {
    for (const { file_path: elsewhere, meta_data: facts, ...chunk } of chunks) {
      const path = facts?.path_in_schema ?? encryptedPath(chunk)
      if (path !== undefined && columns?.includes(path[0]!) === false) continue
      const column = path === undefined ? 'a column' : `column ${JSON.stringify(path.join('.'))}`
      if (chunk.crypto_metadata !== undefined)
        throw fault(
          'ERR_UNSUPPORTED',
          name,
          `${column} is encrypted (Parquet modular encryption), ${DECRYPT}, or leave it out by \`columns\``,
        )
      if (elsewhere)
        throw fault('ERR_UNSUPPORTED', name, `${column} is in another file, which is not supported`)
      if (facts === undefined || codecs.includes(facts.codec)) continue
      throw fault(
        'ERR_UNSUPPORTED',
        name,
        `${column} is compressed with ${facts.codec}, ${remedyOf(facts.codec)}`,
      )
    }
  }
}

const DECRYPT = 'which is not supported: write it again without encryption'

/** The path of a column that has its own key; its other values are encrypted. */
function encryptedPath({
  crypto_metadata: facts,
}: Pick<ColumnChunk, 'crypto_metadata'>): string[] | undefined {
  const path = (facts as { readonly field_2?: { readonly field_1?: unknown } } | undefined)?.field_2
    ?.field_1
  if (!Array.isArray(path)) return undefined
  return path.map((part) =>
    part instanceof Uint8Array ? Buffer.from(part).toString() : String(part),
  )
}

function remedyOf(codec: string): string {
  const give = 'give `decompressors: compressors` of the package `hyparquet-compressors`'
  return codec === 'ZSTD'
    ? `which Node ${process.versions.node} cannot read (22.15, 23.8 and later can): ${give}`
    : `which is not built in: ${give}`
}

function fault(
  code: 'ERR_UNSUPPORTED' | 'ERR_TOO_LARGE',
  source: string,
  problem: string,
): MediaError {
  return new MediaError(code, `${source}: ${problem}`, { source })
}
