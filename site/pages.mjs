// Collects the pages in site/.pages: docs/ with its pictures, the site's own pages, and the README
// files of benchmarks. Links to other files of the repository become links to the repository, or
// plain text while its address is not known.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { CONTENTS } from './contents.mjs'

/** Where the repository can be read, for example `https://host/owner/name/blob/main`. */
const REPOSITORY = process.env.SITE_REPOSITORY

export function collectPages(root, target) {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  // File of the repository -> page of the site.
  const pages = new Map([['CHANGELOG.md', 'changelog.md']])
  for (const file of markdownIn(join(root, 'docs'))) pages.set(`docs/${file}`, file)
  for (const file of markdownIn(join(root, 'site/pages'))) pages.set(`site/pages/${file}`, file)
  for (const file of markdownIn(join(root, 'benchmarks')))
    if (file.endsWith('README.md'))
      pages.set(`benchmarks/${file}`, `benchmarks/${file.replace('README.md', 'index.md')}`)

  for (const [from, to] of pages) {
    const text = readFileSync(join(root, from), 'utf8')
    mkdirSync(dirname(join(target, to)), { recursive: true })
    writeFileSync(join(target, to), withLinks(text, from, to, pages))
  }
  for (const entry of readdirSync(join(root, 'docs'), { withFileTypes: true }))
    if (entry.isDirectory())
      cpSync(join(root, 'docs', entry.name), join(target, entry.name), {
        recursive: true,
        filter: (file) => !/\.(?:mjs|ts)$/.test(file),
      })
  checkContents([...pages.values()].filter((page) => !page.includes('/')))
}

function markdownIn(folder) {
  return readdirSync(folder, { recursive: true }).filter(
    (file) => file.endsWith('.md') && !file.includes('node_modules'),
  )
}

/** Links outside code, from the file's place to the page's. */
function withLinks(text, from, to, pages) {
  let isFenced = false
  const lines = text.split('\n').map((line) => {
    if (/^\s*```/.test(line)) isFenced = !isFenced
    return isFenced
      ? line
      : line.replaceAll(
          /(!?)\[((?:[^\]`]|`[^`]*`)*)\]\(([^)\s]+)\)/g,
          (whole, image, words, link) =>
            /^(?:\w+:|#|\/)/.test(link) ? whole : moved(whole, image, words, link, from, to, pages),
        )
  })
  return lines.join('\n')
}

function moved(whole, image, words, link, from, to, pages) {
  const [path, anchor] = link.split('#')
  const file = normalize(join(dirname(from), path))
  if (image === '!') return whole
  const page = pages.get(file) ?? pages.get(join(file, 'README.md'))
  const hash = anchor === undefined ? '' : `#${anchor}`
  if (page !== undefined)
    return `[${words}](${'../'.repeat(to.split('/').length - 1)}${page}${hash})`
  // Pages that the build makes.
  if (/^(?:api\/|options\.md)/.test(path)) return whole
  if (REPOSITORY !== undefined) return `[${words}](${REPOSITORY}/${file})`
  return words.includes('`') ? words : `${words} (\`${file}\`)`
}

function checkContents(pages) {
  const listed = CONTENTS.flatMap((part) => part.pages).map((page) => `${page}.md`)
  const generated = ['options.md', 'index.md', 'all-pages.md']
  const wrong = [
    ...pages
      .filter((page) => ![...listed, ...generated].includes(page))
      .map((p) => `${p} is not in`),
    ...listed
      .filter((page) => ![...pages, ...generated].includes(page))
      .map((page) => `${page} does not exist, but is in`),
  ]
  if (wrong.length > 0) throw new Error(`${wrong.join(' site/contents.mjs\n')} site/contents.mjs`)
}
