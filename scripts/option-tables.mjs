// The tables of options for the API reference: name, type, default, unit, rule and sentence.
// Rules, units and defaults come from the declarations in the code (`options()` of
// `spindle/options`), types and sentences from the docblocks of the public interfaces.
//   node scripts/option-tables.mjs --json        { [interface]: { package, entry, options: […] } }
//   node scripts/option-tables.mjs --markdown    the same as tables
// Expects `npm run build`.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENTRIES, LIBRARIES } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const UNITS = { Ms: 'ms', Us: 'µs', Sec: 's', Bytes: 'bytes', Mb: 'MiB', Pixels: 'pixels' }

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { specifier } of entries()) await import(specifier)
  const { declaredOptions } = await import('spindle/options')
  const tables = optionTables(declaredOptions())
  if (process.argv.includes('--json')) console.log(JSON.stringify(tables, undefined, 2))
  else if (process.argv.includes('--markdown')) console.log(markdown(tables))
  else throw new Error('give --json or --markdown')
}

/** The tables of all public interfaces whose options are declared. */
export function optionTables(declared) {
  const interfaces = readInterfaces()
  const tables = {}
  for (const { name, rules } of declared)
    for (const each of name.includes('.') ? [] : name.split(' & ')) {
      const place = entryOf(each)
      if (place === undefined || each in tables) continue
      const members = membersOf(each, interfaces)
      const rows = Object.entries(rules).flatMap(([option, rule]) =>
        members.has(option) ? rowsOf(option, rule, members.get(option)) : [],
      )
      tables[each] = { ...place, options: rows }
    }
  return tables
}

/** The members of an interface and of those it extends, by name. */
export function membersOf(name, interfaces = readInterfaces()) {
  const { bases = [], members = [] } = interfaces.get(name) ?? {}
  const inherited = bases.flatMap(({ base, omitted }) =>
    [...membersOf(base, interfaces)].filter(([member]) => !omitted.includes(member)),
  )
  return new Map([...inherited, ...members.map((member) => [member.name, member])])
}

/** The public interfaces of both packages: what they extend, and their members. */
export function readInterfaces() {
  const found = new Map()
  // Of two interfaces with one name, that of the first package counts.
  for (const { folder } of LIBRARIES)
    for (const file of sourcesOf(folder)) {
      const text = readFileSync(file, 'utf8')
      const form =
        /^export interface (?<name>\w+)(?<head>[^{]*(?:\{[^{}]*\}[^{]*)*?)\{(?:\n(?<body>.*?)^)?\}/gms
      for (const { groups } of text.matchAll(form)) {
        const [, bases = ''] = /\bextends\s+([\w\s,.<>|'&]+)$/.exec(groups.head.trim()) ?? []
        if (!found.has(groups.name))
          found.set(groups.name, {
            bases: basesIn(bases),
            members: parseMembers(groups.body ?? ''),
          })
      }
    }
  return found
}

/** `A, Omit<B<T>, 'c' | 'd'>` -> the names of the interfaces, and the members that they lose. */
function basesIn(text) {
  return [
    ...text.matchAll(/(?:Omit<)?(?<base>\w+)(?:<[^<>]*>)?(?<rest>(?:,\s*(?:'\w+'[\s|]*)+>)?)/g),
  ].map(({ groups: { base, rest } }) => ({
    base,
    omitted: [...rest.matchAll(/'(\w+)'/g)].map(([, name]) => name),
  }))
}

function sourcesOf(folder) {
  const src = join(root, folder, 'src')
  return readdirSync(src, { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(src, file))
}

/** Members with their docblocks. The formatter indents each level of an interface by two. */
function parseMembers(body) {
  const [, indent] = /^( *)\S/m.exec(body) ?? ['', '  ']
  const form = new RegExp(
    `(?:^${indent}/\\*\\*(?<doc>(?:(?!\\*/).)*)\\*/\\n)?^${indent}(?:readonly )?(?<name>\\w+)\\??:\\s(?<type>.*?)(?=^${indent}(?:/\\*|readonly |\\w)|(?![^]))`,
    'gms',
  )
  return [...body.matchAll(form)].map(({ groups: { doc = '', name, type } }) => ({
    name,
    doc: doc
      .replaceAll(/^\s*\* ?/gm, '')
      .replaceAll(/\s+/g, ' ')
      .trim(),
    type: type
      .replaceAll(/\/\*\*.*?\*\//gs, '')
      .replaceAll(/\s+/g, ' ')
      .trim(),
    inner: type,
  }))
}

function rowsOf(name, rule, { type, doc, inner }) {
  if (type === 'undefined') return []
  const { settings, nested } = rule
  const words = defaultInWords(doc)
  const [, ending] = /([A-Z][a-z]+)$/.exec(name) ?? []
  const row = {
    name,
    type,
    required: settings.required === true,
    default: words ?? printed(settings.default),
    unit: settings.unit ?? UNITS[ending] ?? '',
    rule: ruleText(rule),
    doc: doc.replace(/\s*\bDefault\b:?\s.+?\.(?=\s|$)/, '').trim(),
  }
  if (!nested?.name.includes('.')) return [row]
  const within = membersOfType(inner)
  const rows = Object.entries(nested.rules).flatMap(([option, each]) =>
    rowsOf(option, each, within.get(option) ?? { type: '', doc: '', inner: '' }),
  )
  return [row, ...rows.map((each) => ({ ...each, name: `${name}.${each.name}` }))]
}

/** The members of an object that stands in the type of an option. */
function membersOfType(type) {
  const [, omitted] = /^Omit<(\w+)/.exec(type) ?? []
  if (omitted !== undefined) return membersOf(omitted)
  const body = type.slice(type.indexOf('{') + 1, type.lastIndexOf('}'))
  const lines = body.startsWith('\n') ? body.slice(1) : `${body.trim().replaceAll('; ', '\n')}\n`
  return new Map(parseMembers(lines).map((member) => [member.name, member]))
}

function ruleText({ rule, nested }) {
  if (nested === undefined || nested.name.includes('.')) return rule
  return /object/.test(rule)
    ? rule.replace(/an object( of options)?/, nested.name)
    : `${rule}, or ${nested.name}`
}

/** What a docblock says about the default: `Default 2.`, `'input'` (default). */
export function defaultInWords(doc) {
  return /\bDefault\b:?\s+(.+?)\.(?=\s|$)/.exec(doc)?.[1] ?? /(`[^`]+`) \(default\)/.exec(doc)?.[1]
}

function printed(value) {
  if (value === undefined || typeof value === 'object') return ''
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** The entries that people import: `spindle/source`, the file that exports its names. */
function entries() {
  return ENTRIES.map(({ package: name, specifier, source }) => ({
    package: name,
    specifier,
    text: readFileSync(join(root, source), 'utf8'),
  }))
}

function entryOf(name) {
  const found = entries().find(({ text }) => new RegExp(`\\b${name}\\b`).test(text))
  return found && { package: found.package, entry: found.specifier }
}

function markdown(tables) {
  const cell = (text) => text.replaceAll('|', '\\|')
  return Object.entries(tables)
    .map(([name, { entry, options }]) =>
      [
        `## ${name}`,
        '',
        `From \`${entry}\`.`,
        '',
        '| option | type | default | unit | rule | |',
        '|---|---|---|---|---|---|',
        ...options.map(
          ({ name: option, type, required, default: value, unit, rule, doc }) =>
            `| \`${option}\` | \`${cell(type)}\` | ${cell(required ? 'required' : value)} | ${unit} | ${cell(rule)} | ${cell(doc)} |`,
        ),
      ].join('\n'),
    )
    .join('\n\n')
}
