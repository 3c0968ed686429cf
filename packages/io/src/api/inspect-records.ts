import { nodeZlib } from '../builtins.ts'
import { sniffCompression } from '../formats/archive/compression.ts'
import type { Inspected, Inspection } from './inspection.ts'

const MOST_TEXT = 200
const MOST_ENTRIES = 20

/** What a file of records holds; `undefined` if its beginning is no text. */
export async function inspectRecords(file: Inspected): Promise<Inspection | undefined> {
  const { name, size } = file
  const compression = sniffCompression(file.head)
  if (compression !== undefined && compression !== 'gzip')
    return { kind: 'unknown', bytes: size, compression }
  const head = compression === 'gzip' ? inflated(file.head) : file.head
  const isWhole = compression === undefined && size <= head.length
  if (head.length === 0)
    return { kind: 'unknown', bytes: size, ...(compression && { compression }) }
  if (head.includes(0)) return undefined
  const text = head.toString()
  // Of a text that is cut, the last character may be.
  if (text.slice(0, -4).includes('\ufffd')) return undefined
  const lines = text.replace(/^\ufeff/, '').split('\n')
  if (!isWhole) lines.pop()
  const rows = lines.map((line) => line.replace(/\r$/, '')).filter((line) => line.trim() !== '')
  const [first = ''] = rows
  const common = {
    bytes: size,
    ...(compression && { compression }),
    ...(isWhole && { records: rows.length }),
  }
  if (/\.(?:csv|tsv)(?:\.gz)?$/i.test(name)) return { kind: 'csv', ...common, first }
  const value = parsed(first)
  const isJsonl = value !== undefined && (rows.length > 1 || /\.(?:jsonl|ndjson)/i.test(name))
  if (!isJsonl) return { kind: 'text', ...common, first: shortened(first) }
  return {
    kind: 'jsonl',
    ...common,
    ...(isRecord(value) && { fields: fieldsOf(value) }),
    first: shortened(value),
  }
}

function inflated(head: Buffer): Buffer {
  try {
    const { constants, gunzipSync } = nodeZlib()
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1 << 24 })
  } catch {
    return Buffer.alloc(0)
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(record: Record<string, unknown>): Record<string, string> {
  const types = Object.entries(record).map(([name, value]) => [
    name,
    Array.isArray(value) ? `list of ${value.length}` : value === null ? 'null' : typeof value,
  ])
  return Object.fromEntries(types.slice(0, MOST_ENTRIES))
}

/** A record for people: long texts and lists are cut. */
export function shortened(value: unknown, depth = 0): unknown {
  if (typeof value === 'string')
    return value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (depth > 3) return '…'
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const list = Array.from(value as ArrayLike<unknown>)
    const shown = list.slice(0, 5).map((entry) => shortened(entry, depth + 1))
    return list.length > 5 ? [...shown, `… ${list.length} in all`] : shown
  }
  const entries = Object.entries(value).slice(0, MOST_ENTRIES)
  return Object.fromEntries(entries.map(([name, entry]) => [name, shortened(entry, depth + 1)]))
}
