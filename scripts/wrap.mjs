// Wraps prose at 100 columns: comments of TypeScript and JavaScript, and paragraphs of Markdown.
// Code is Biome's matter.
//   node scripts/wrap.mjs [--check] [path …]      without paths: all files that git knows
// A paragraph is touched only if one of its lines is too long. Tables, headings, drawings, examples
// and lines without a place to break stay as they are.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './tools.mjs'

const WIDTH = 100

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
})
const listed = execFileSync('git', ['ls-files', '-z', '--', ...positionals], {
  cwd: root,
  encoding: 'utf8',
})
const files = listed.split('\0').filter((file) => /\.(?:ts|mjs|md)$/.test(file))
const changed = files.filter((file) => {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  const wrapped = file.endsWith('.md') ? wrapMarkdown(text) : wrapComments(text)
  if (wrapped !== text && !values.check) writeFileSync(path, wrapped)
  return wrapped !== text
})
for (const file of changed) console.log(file)
console.log(
  `${changed.length} files ${values.check ? 'have prose beyond' : 'wrapped at'} ${WIDTH} columns`,
)
process.exitCode = values.check && changed.length > 0 ? 1 : 0

/** Comments that stand on lines of their own. */
function wrapComments(text) {
  const lines = text.split('\n')
  const out = []
  for (let at = 0; at < lines.length; ) {
    const one = /^(\s*)\/\*\* (.*) \*\/$/.exec(lines[at])
    const open = /^(\s*)\/\*\*?$/.exec(lines[at])
    const slashes = /^(\s*)\/\/ ?/.exec(lines[at])
    if (one !== null && lines[at].length > WIDTH) {
      const [, indent, words] = one
      out.push(`${indent}/**`, ...fill(words, `${indent} * `, `${indent} * `), `${indent} */`)
      at++
    } else if (open !== null) {
      const end = lines.findIndex((line, i) => i > at && /\*\/\s*$/.test(line))
      if (end < 0) return text
      const prefix = `${open[1]} * `
      out.push(lines[at])
      out.push(...wrapBlock(lines.slice(at + 1, end), prefix, /^\s*\* ?/))
      out.push(lines[end])
      at = end + 1
    } else if (slashes !== null && !/^\s*\/\/(?:\/|#| biome-| @ts-)/.test(lines[at])) {
      let end = at
      while (end < lines.length && /^\s*\/\/ ?/.exec(lines[end])?.[0].length === slashes[0].length)
        end++
      if (end === at) end++
      out.push(...wrapBlock(lines.slice(at, end), `${slashes[1]}// `, /^\s*\/\/ ?/))
      at = end
    } else out.push(lines[at++])
  }
  return out.join('\n')
}

function wrapMarkdown(text) {
  return wrapBlock(text.split('\n'), '', /^/).join('\n')
}

/**
 * Wraps the paragraphs among some lines. `prefix` begins each line; `marks` is what is to be taken
 * off it.
 */
function wrapBlock(lines, prefix, marks) {
  const out = []
  let isFenced = false
  for (let at = 0; at < lines.length; ) {
    const body = lines[at].replace(marks, '')
    if (/^\s*(?:```|~~~)/.test(body)) isFenced = !isFenced
    if (isFenced || !isProse(body)) {
      out.push(lines[at++])
      continue
    }
    const [, indent, bullet] = /^(\s*)((?:[-*] |\d+\. |@\w+ )?)/.exec(body)
    const hang = bullet.startsWith('@') ? `${indent}  ` : indent + ' '.repeat(bullet.length)
    let end = at + 1
    // A list item's other lines are indented as its text is; a paragraph's are as its first.
    while (
      end < lines.length &&
      isMore(lines[end].replace(marks, ''), bullet === '' ? indent : hang)
    )
      end++
    const paragraph = lines.slice(at, end)
    if (paragraph.every((line) => line.length <= WIDTH)) out.push(...paragraph)
    else {
      const words = paragraph.map((line) => line.replace(marks, '').trim()).join(' ')
      const wrapped = fill(words, prefix + indent, prefix + hang)
      // What cannot be broken would only be moved about.
      out.push(...wrapped)
    }
    at = end
  }
  return out
}

/** Whether a line is text that may be wrapped. */
function isProse(body) {
  if (body.trim() === '' || /^\s*(?:#|\||>|<|\[[^\]]+\]:|={3,}|-{3,})/.test(body)) return false
  // Drawings and columns are laid out by blanks.
  return (
    !/[─│┌└▶◀▼▲]|-->|\S {3,}\S/.test(body) &&
    !/^ {4,}/.test(body.replace(/^\s*(?:[-*]|\d+\.) /, ''))
  )
}

function isMore(body, indent) {
  return (
    isProse(body) &&
    !/^\s*(?:[-*] |\d+\. |@\w+)/.test(body) &&
    !/^\s*(?:```|~~~)/.test(body) &&
    /^\s*/.exec(body)[0] === indent
  )
}

/**
 * Words on lines of at most {@link WIDTH} columns. Code between backticks is not broken, nor are
 * links.
 */
function fill(words, first, rest) {
  const parts = words.match(/(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\{@link [^}]*\}|\S)+/g) ?? []
  const lines = []
  let line = first
  let isEmpty = true
  for (const part of parts) {
    // A line must not begin with what would read as a list, a heading or a quotation.
    const isMark = /^(?:[-*+#>|]|\d+\.)$/.test(part)
    if (!isEmpty && line.length + 1 + part.length > WIDTH && !isMark) {
      lines.push(line)
      line = rest
      isEmpty = true
    }
    line += isEmpty ? part : ` ${part}`
    isEmpty = false
  }
  lines.push(line)
  return lines
}
