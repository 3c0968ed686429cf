// Tables of options: every interface whose name ends in Options, and every declared one, with type,
// default and meaning of each member, and with unit and rule where the code declares them.
import { ReflectionKind } from 'typedoc'

/** The page `options.md`. `declared` is what `scripts/option-tables.mjs --json` prints. */
export function optionPages(project, declared) {
  const parts = []
  // The engine first, then its other entries, then the other packages.
  const rank = ({ name }) => (name === 'spindle' ? 0 : name.startsWith('@') ? 2 : 1)
  const modules = (project.children ?? []).toSorted((one, other) => rank(one) - rank(other))
  for (const module of modules) {
    const tables = (module.children ?? [])
      .filter(({ name, kind }) => isOptions(name, declared) && kind !== ReflectionKind.Reference)
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map((type) => table(type, declared[type.name]?.options))
      .filter(Boolean)
    if (tables.length > 0) parts.push(`## ${module.name}`, ...tables)
  }
  return `---
outline: [2, 3]
---

# Options

Every options object of the packages, generated from the code. Unknown options are errors, and so is
a value that breaks its rule: the message names the option, the rule and the value
([\`ERR_BAD_OPTION\`](errors.md#err-bad-option)).

${parts.join('\n\n')}
`
}

function isOptions(name, declared) {
  return name.endsWith('Options') || name in declared
}

/** `declared`: the options with their rules, if the code declares them. */
function table(type, declared) {
  const members = membersOf(type)
  if (members.length === 0) return ''
  const [head, rows] =
    declared === undefined
      ? [['option', 'type', 'default', 'meaning'], members.map(undeclaredRow)]
      : [['option', 'type', 'default', 'unit', 'rule', 'meaning'], declared.map(declaredRow)]
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return `### ${type.name}\n\n${cell(summary(type.comment))}\n\n${lines.join('\n')}`
}

function declaredRow({ name, type, required, default: fallback, unit, rule, doc }) {
  return [
    `\`${name}\`${required ? ' (required)' : ''}`,
    code(type ?? ''),
    cell(fallback ?? ''),
    cell(unit ?? ''),
    cell(rule ?? ''),
    cell(doc ?? ''),
  ]
}

function undeclaredRow(member) {
  const { text, fallback } = described(member)
  return [
    `\`${member.name}\`${member.flags?.isOptional === true ? '' : ' (required)'}`,
    code(member.type?.toString() ?? 'unknown'),
    fallback,
    cell(text),
  ]
}

/** The members of an interface, or of an alias of object types. */
function membersOf(type) {
  if (type.children !== undefined) return type.children
  const parts = type.type?.types ?? [type.type]
  const members = parts.flatMap((part) => part?.declaration?.children ?? [])
  return members.filter(
    (member, at) => members.findIndex(({ name }) => name === member.name) === at,
  )
}

/** "Default …" is a sentence of the docblock; it gets a column of its own. */
function described(member) {
  const text = summary(member.comment ?? member.type?.declaration?.signatures?.[0]?.comment)
  const found = /\bDefault:? (.+?)(?=[.;](?:\s|$)|$)/.exec(text)
  return { text, fallback: found === null ? '' : cell(found[1]) }
}

function summary(comment) {
  return (comment?.summary ?? [])
    .map((part) => (part.kind === 'inline-tag' ? `\`${part.text}\`` : part.text))
    .join('')
}

function code(text) {
  return text === '' ? '' : `<code v-pre>${escaped(text)}</code>`
}

function cell(text) {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll(/`[^`]*`|[<{]/g, (part) => ({ '<': '&lt;', '{': '&#123;' })[part] ?? part)
    .replaceAll('docs/', '')
}

function escaped(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('|', '&#124;')
    .replaceAll('*', '&#42;')
    .replaceAll('_', '&#95;')
}
