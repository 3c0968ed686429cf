import { randomInt } from 'node:crypto'
import { badOption, checkInteger } from '../../check.ts'
import type { Json } from '../../engine/seekable.ts'
import { messageOf, SpindleError } from '../../errors.ts'
import { integer, is, options, type Rules } from '../../options/index.ts'
import { AsyncPlannedSource } from '../seek/expose.ts'
import type { AsyncSource } from '../seek/source-types.ts'
import { type FindObjectsOptions, findRules } from '../store/find-objects.ts'
import { pickRecords } from './pick-records.ts'
import { digestOf, type RecordFile, recordFiles } from './record-files.ts'
import { nameOf } from './record-lines.ts'

/** Options of {@link fromJsonLines} and {@link fromTextLines}. */
export interface FromLinesOptions extends FindObjectsOptions {
  /**
   * Number of records of each file, if it is known, for example from the manifest of
   * `jsonlShards`. Then a run that is resumed begins at once, and the source has a `size`. Default:
   * files are read to be counted when that is needed.
   */
  readonly counts?: readonly number[]
  /** Most bytes of one record; more is an error, `ERR_TOO_LARGE`. Default 64 MiB. */
  readonly maxRecordBytes?: number
}

const linesOptions = options('FromLinesOptions', {
  ...findRules,
  counts: is('an array of integers >= 0, one for each file', Array.isArray),
  maxRecordBytes: integer({ min: 1, orInfinity: true, default: 64 * 2 ** 20 }),
} satisfies Rules<FromLinesOptions>)

/**
 * The records of JSON Lines files (one JSON value per line), as a seekable source: one file or
 * many, local or in a store, plain or compressed by gzip or zstd. Lines of white space are no
 * records.
 *
 * Files are read as streams, one after the other, with 256 KiB in memory. To begin at a late
 * position, files in front of it are read and their lines counted, unless `counts` tells or they
 * were read before.
 *
 * A resume state belongs to names and contents of the files: the version of an object, or size and
 * both ends of a local file.
 *
 * @param files paths and URLs that `openStore` takes, or names in `store`; strings may have braces
 *   (`part-{000..099}.jsonl`) and patterns (`data/**\/*.jsonl.gz`)
 * @throws `ERR_BAD_OPTION`; `ERR_NOT_FOUND`; errors of the store. Iterating: `ERR_BAD_RECORD` for a
 *   line that is no JSON, with file and number; `ERR_BAD_SOURCE` for damaged or other compression
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { gzipSync } from 'node:zlib'
 * import { fromJsonLines } from 'spindle/source'
 *
 * const folder = mkdtempSync(join(tmpdir(), 'lines-'))
 * writeFileSync(join(folder, 'a.jsonl'), '{"n":1}\n{"n":2}\n')
 * writeFileSync(join(folder, 'b.jsonl.gz'), gzipSync('{"n":3}\n'))
 * const rows = await fromJsonLines<{ n: number }>(join(folder, '*.jsonl*'))
 * const seen: number[] = []
 * for await (const { n } of rows.iterateFrom(1, 0)) seen.push(n)
 * assert.deepEqual(seen, [2, 3])
 * ```
 */
export async function fromJsonLines<T = Json>(
  files: string | URL | readonly (string | URL)[],
  options: FromLinesOptions = {},
): Promise<AsyncSource<T>> {
  return await fromLines<T>('jsonl', files, options, parseLine, parseAll)
}

function parseLine<T>(line: string, file: RecordFile, record: number): T {
  try {
    return JSON.parse(line) as T
  } catch (error) {
    throw new SpindleError(
      'ERR_BAD_RECORD',
      `${nameOf(file)}: record ${record} is no JSON: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** Stands between the values of two lines. No file knows it. */
const MARK = randomInt(2 ** 29, 2 ** 30)
const BETWEEN = `,${MARK},`

/**
 * Parses all lines of a text as one array, in a fifth less time. Between the values of two lines is
 * a mark. If one is missing, or anything else is in its place, a value goes over several lines or a
 * line has several values: then {@link parseLine} says which line is wrong.
 */
function parseAll(text: string): readonly unknown[] | undefined {
  const marked = text.replaceAll('\n', BETWEEN)
  let values: unknown[]
  try {
    values = JSON.parse(`[${marked}]`)
  } catch {
    return undefined
  }
  const marks = (marked.length - text.length) / (BETWEEN.length - 1)
  if (values.length !== 2 * marks + 1) return undefined
  for (let at = 1; at < values.length; at += 2) if (values[at] !== MARK) return undefined
  return values
}

/**
 * The lines of text files, as a seekable source; as {@link fromJsonLines}. Line breaks (`\n`,
 * `\r\n`) are not part of the text, and lines of white space are left out.
 *
 * @throws as {@link fromJsonLines}
 */
export async function fromTextLines(
  files: string | URL | readonly (string | URL)[],
  options: FromLinesOptions = {},
): Promise<AsyncSource<string>> {
  const parse = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
  return await fromLines('text', files, options, parse, undefined)
}

async function fromLines<T>(
  format: string,
  patterns: string | URL | readonly (string | URL)[],
  options: FromLinesOptions,
  parse: (line: string, file: RecordFile, record: number) => T,
  parseAll: ((text: string) => readonly unknown[] | undefined) | undefined,
): Promise<AsyncSource<T>> {
  const { counts, maxRecordBytes, signal } = linesOptions.check(options)
  const files = await recordFiles(patterns, options)
  if (counts !== undefined) setCounts(files, counts)
  const digest = digestOf(files)
  const call = signal === undefined ? {} : { signal }
  const plan = { files, maxRecordBytes, call, parse, parseAll }
  return new AsyncPlannedSource<T>({
    size: counts?.reduce((sum, count) => sum + count, 0),
    access: 'sequential',
    isAsync: true,
    describe: () => ({ kind: 'lines', format, files: files.length, digest }),
    pick: (positions) => pickRecords(plan, positions),
  })
}

export function setCounts(files: readonly RecordFile[], counts: readonly number[]): void {
  if (counts.length !== files.length)
    badOption('counts', `an array of ${files.length} numbers, one for each file`, counts)
  for (const [at, file] of files.entries()) {
    checkInteger(`counts[${at}]`, counts[at], 0)
    file.count = counts[at]
  }
}
