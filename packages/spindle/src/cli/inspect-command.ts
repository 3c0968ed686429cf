import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, SpindleError } from '../errors.ts'
import { plain, plainJson } from '../plain-text.ts'
import { terminalColumns } from '../table.ts'
import type { Ended } from './exit-status.ts'
import { print, say } from './output.ts'
import { OK, UNWRITTEN, USAGE } from './statuses.ts'

/** What `inspect` of `@spindle/io` returns. */
interface Inspection {
  readonly kind: string
  readonly bytes: number
  readonly compression?: string
  readonly records?: number
  readonly fields?: Readonly<Record<string, string>>
  readonly facts?: Readonly<Record<string, string | number | boolean>>
  readonly first?: unknown
}

/** `spindle inspect <file>`: says what a file is, how many records it has, and shows the first. */
export async function inspectFile(file: string, asJson: boolean): Promise<Ended> {
  const inspect = await loadInspect()
  let found: Inspection
  try {
    found = await inspect(file)
  } catch (error) {
    say(messageOf(error))
    return { status: USAGE }
  }
  const text = asJson ? `${plainJson(found)}\n` : table(file, found)
  const fault = await print(text)
  if (fault !== undefined) say(`standard output cannot be written: ${messageOf(fault)}`)
  return { status: fault === undefined ? OK : UNWRITTEN }
}

/** The formats are those of `@spindle/io`, as the project has it. */
async function loadInspect(): Promise<(file: string) => Promise<Inspection>> {
  try {
    const path = createRequire(join(process.cwd(), 'index.js')).resolve('@spindle/io/package.json')
    const module = await import(pathToFileURL(join(path, '..', 'dist', 'index.js')).href)
    return module.inspect
  } catch (error) {
    throw new SpindleError(
      'ERR_MODULE',
      `spindle inspect needs @spindle/io: npm install @spindle/io (${messageOf(error)})`,
      { cause: error },
    )
  }
}

function table(file: string, found: Inspection): string {
  const { kind, bytes, compression, records, fields = {}, facts = {}, first } = found
  const rows: [string, string][] = [
    ['file', file],
    ['kind', compression === undefined ? kind : `${kind}, compressed with ${compression}`],
    ['size', sizeText(bytes)],
  ]
  if (records !== undefined) rows.push(['records', records.toLocaleString('en')])
  for (const [name, text] of Object.entries(facts)) rows.push([name, String(text)])
  for (const [name, text] of Object.entries(fields)) rows.push([name, text])
  if (first !== undefined) rows.push(['first', plainJson(first)])
  const names = rows.map(([name]) => plain(name).slice(0, 30))
  const width = Math.max(...names.map(({ length }) => length)) + 2
  const room = Math.max(20, (terminalColumns() ?? 120) - width)
  return rows
    .map(([, text], at) => {
      const shown = plain(text)
      const cut = shown.length > room ? `${shown.slice(0, room - 1)}…` : shown
      return `${names[at]?.padEnd(width)}${cut}\n`
    })
    .join('')
}

function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return unit === 0 ? `${bytes} bytes` : `${value.toPrecision(3)} ${units[unit]} (${bytes} bytes)`
}
