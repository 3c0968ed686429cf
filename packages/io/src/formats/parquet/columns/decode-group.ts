import type { FileMetaData } from 'hyparquet'
import { damaged, MediaError } from '../../../base/errors.ts'
import { type OpenSyncReader, openReaderSync } from '../../../files/reader.ts'
import { codecs, GroupBudget, type ParquetDecompressors } from '../codecs.ts'
import { guardedFile } from '../guarded-file.ts'
import { loadHyparquet } from '../hyparquet.ts'
import type { ColumnForm } from './column-form.ts'
import { converted } from './convert.ts'
import { decodeChunk } from './decode-chunk.ts'
import { checkSpan, type FilePiece, type FileSpan, fileOf } from './file-pieces.ts'
import { type Inflate, UnsupportedPage } from './page.ts'
import { gather, type RawColumn } from './raw-column.ts'
import { snappyInto } from './snappy.ts'
import { type Filter, matching } from './where.ts'

/** A column of a row group to decode. */
export interface ColumnJob {
  readonly form: ColumnForm
  readonly codec: string
  /** Where it is in the file: one span, or of a nested column one for each leaf. */
  readonly spans: readonly FileSpan[]
  /** Its bytes. `undefined`: they are read from the job's `path`. */
  readonly pieces?: readonly FilePiece[]
}

/** Columns of a row group to decode, as a thread gets them. */
export interface GroupJob {
  readonly columns: readonly ColumnJob[]
  readonly rows: number
  /** A local file, which the thread reads. A message would copy the bytes. */
  readonly path?: string
  readonly maxGroupBytes: number
  /** Finds the rows that fulfil it, instead of all. */
  readonly filter?: Filter | undefined
  /** Gives these rows, instead of all. */
  readonly picked?: Int32Array | undefined
  /** The row group alone, with the schema: for what the library decodes. */
  readonly metadata: FileMetaData
}

/** What a thread gives. */
export interface GroupResult {
  readonly columns: readonly RawColumn[]
  /** Rows that fulfil the filter. */
  readonly picked?: Int32Array | undefined
}

/**
 * Decodes columns of a row group.
 *
 * @throws MediaError `ERR_DECODE`, `ERR_TOO_LARGE`, `ERR_UNSUPPORTED`, without the name of the file
 */
export async function decodeGroup(
  job: GroupJob,
  given: ParquetDecompressors = {},
): Promise<GroupResult> {
  const { rows, filter, picked, maxGroupBytes } = job
  const budget = new GroupBudget(maxGroupBytes)
  budget.takeRows(rows)
  const columns: RawColumn[] = []
  const reader = job.path === undefined ? undefined : openReaderSync(job.path)
  try {
    for (const column of job.columns) {
      const pieces = column.pieces ?? column.spans.map((span) => readSpan(reader!, span))
      columns.push(await decodeColumn(job, column, pieces, budget, given))
    }
  } finally {
    reader?.close()
  }
  if (filter !== undefined) {
    const byName = new Map(columns.map((column, at) => [job.columns[at]!.form.name, column]))
    const found = matching(filter, byName, rows)
    return { picked: found, columns: columns.map((column) => gather(column, found)) }
  }
  if (picked === undefined) return { columns }
  return { columns: columns.map((column) => gather(column, picked)) }
}

function readSpan(reader: OpenSyncReader, { start, end }: FileSpan): FilePiece {
  checkSpan({ start, end }, reader.size)
  return { start, bytes: reader.read(start, end - start) }
}

async function decodeColumn(
  job: GroupJob,
  { form, codec }: ColumnJob,
  pieces: readonly FilePiece[],
  budget: GroupBudget,
  given: ParquetDecompressors,
): Promise<RawColumn> {
  if (form.kind !== 'other')
    try {
      const raw = decodeChunk(pieces[0]!.bytes, form, {
        rows: job.rows,
        inflate: inflateOf(codec, budget, given),
        takeValues: (values) => budget.takeValues(values),
        limitTexts: (bytes) => budget.checkTexts(bytes),
      })
      return converted(raw, form)
    } catch (error) {
      if (error instanceof RangeError) throw damaged(`damaged: ${error.message}`)
      if (!(error instanceof UnsupportedPage)) throw error
      throw new MediaError('ERR_UNSUPPORTED', `column "${form.name}" has ${error.message}`)
    }
  return await decodeByLibrary(job, form, pieces, given)
}

let scratch = new Uint8Array(0)

function inflateOf(
  codec: string,
  budget: GroupBudget,
  given: ParquetDecompressors,
): Inflate | undefined {
  if (codec === 'UNCOMPRESSED') return undefined
  if (codec !== 'SNAPPY' || given.SNAPPY !== undefined) return codecs(given, budget)[codec]
  return (input, length) => {
    budget.takePage(length)
    if (scratch.length < length) scratch = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    const page = scratch.subarray(0, length)
    snappyInto(input, page)
    return page
  }
}

/** Reads what is rare: nested columns, old encodings. */
async function decodeByLibrary(
  { metadata, rows, maxGroupBytes }: GroupJob,
  form: ColumnForm,
  pieces: readonly FilePiece[],
  given: ParquetDecompressors,
): Promise<RawColumn> {
  const library = await loadHyparquet()
  const budget = new GroupBudget(maxGroupBytes)
  const group = metadata.row_groups[0]!
  const objects = await library
    .parquetReadObjects({
      file: guardedFile(fileOf(pieces), group, [form.name], budget),
      metadata,
      compressors: codecs(given, budget),
      columns: [form.name],
      rowStart: 0,
      rowEnd: rows,
    })
    .catch((error) => {
      if (error instanceof MediaError) throw error
      const isUnsupported = /unsupported|not supported|unhandled type/i.test(error?.message)
      throw new MediaError(
        isUnsupported ? 'ERR_UNSUPPORTED' : 'ERR_DECODE',
        `column "${form.name}": ${error?.message}`,
        { cause: error },
      )
    })
  if (objects.length !== rows)
    throw damaged(`damaged: column "${form.name}" has ${objects.length} values for ${rows} rows`)
  const data = objects.map((row) => row[form.name] ?? null)
  return { dtype: 'object', rows, width: 1, data }
}
