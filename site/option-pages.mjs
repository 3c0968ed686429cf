// Tables of options: every interface whose name ends in Options, with type, default and meaning of
// each member. Where a declaration of the option's rule exists, its rule and unit are added.
import { ReflectionKind } from 'typedoc'

/** The page `options.md`. `declared` is what `scripts/option-tables.mjs --json` prints. */
export function optionPages(project, declared) {
  const parts = []
  for (const module of project.children ?? []) {
    const tables = (module.children ?? [])
      .filter(({ name, kind }) => name.endsWith('Options') && kind !== ReflectionKind.Reference)
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map((type) => table(type, rules(declared, type.name)))
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

function rules(declared, name) {
  const own = declared[name]
  return new Map((own?.options ?? []).map((option) => [option.name, option]))
}

function table(type, declared) {
  const members = membersOf(type)
  if (members.length === 0) return ''
  const hasRules = declared.size > 0
  const head = ['option', 'type', 'default', ...(hasRules ? ['rule'] : []), 'meaning']
  const rows = members.map((member) => {
    const rule = declared.get(member.name)
    const { text, fallback } = described(member)
    return [
      `\`${member.name}\`${member.flags?.isOptional === true ? '' : ' (required)'}`,
      code(member.type?.toString() ?? 'unknown'),
      rule?.default === undefined ? fallback : code(String(rule.default)),
      ...(hasRules ? [cell([rule?.rule, rule?.unit].filter(Boolean).join(', '))] : []),
      cell(text),
    ]
  })
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return `### ${type.name}\n\n${cell(summary(type.comment))}\n\n${lines.join('\n')}`
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
