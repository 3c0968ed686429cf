// Checks the built site: every link leads to a page and a heading, every picture is there, every
// page has its text without JavaScript, and code in the guides spells the names of options as the
// packages do. Ends with "N passed, N failed".
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { Checks } from '../scripts/tools.mjs'
import { misspelt } from './spelling.mjs'

export function checkSite({ root, site, names }) {
  const dist = join(site, '.vitepress/dist')
  const checks = new Checks()
  const pages = new Map()
  for (const file of readdirSync(dist, { recursive: true }))
    if (file.endsWith('.html')) pages.set(file, parse(readFileSync(join(dist, file), 'utf8')))
  pages.delete('404.html')
  const counts = { links: 0, pictures: 0 }
  const broken = []
  for (const [file, page] of pages) {
    for (const link of page.links) {
      counts.links++
      const problem = brokenLink(file, link, pages, dist)
      if (problem) broken.push(`${file}: ${link}: ${problem}`)
    }
    for (const picture of page.pictures) {
      counts.pictures++
      if (!/^(?:data|https?):/.test(picture) && !existsSync(place(dist, file, picture)))
        broken.push(`${file}: no picture ${picture}`)
    }
  }
  checks.add(
    `${counts.links} links and ${counts.pictures} pictures of ${pages.size} pages`,
    broken.slice(0, 40).join('\n'),
  )
  const empty = [...pages].filter(([, page]) => page.headings !== 1 || page.text.length < 80)
  checks.add(
    'every page has one heading of the first level, and its text without JavaScript',
    empty.map(([file, page]) => `${file}: ${page.headings} headings`).join('\n'),
  )
  const guides = ['docs', 'site/pages', 'skills', 'packages/create-spindle'].flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true })
          .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
          .map((file) => join(folder, file))
      : [],
  )
  for (const file of ['README.md', ...guides]) {
    const wrong = misspelt(readFileSync(join(root, file), 'utf8'), names)
    if (wrong.length > 0) checks.add(`spelling of names in ${file}`, wrong.join('\n'))
  }
  checks.add(`spelling of names in ${guides.length + 1} files was looked at`)
  checks.finish()
}

function parse(html) {
  const main = html.slice(html.indexOf('<div class="VPContent'))
  return {
    links: [...html.matchAll(/<a [^>]*href="([^"]+)"/g)].map(([, href]) =>
      href.replaceAll('&amp;', '&'),
    ),
    pictures: [...html.matchAll(/<img [^>]*src="([^"]+)"/g)].map(([, src]) => src),
    ids: new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
    headings: (html.match(/<h1[ >]/g) ?? []).length,
    text: main.replaceAll(/<script[\s\S]*?<\/script>|<[^>]+>/g, ' ').replaceAll(/\s+/g, ' '),
  }
}

function brokenLink(from, link, pages, dist) {
  if (/^(?:https?|mailto):/.test(link)) return ''
  const [path, hash = ''] = link.split('#')
  const target = path === '' ? from : place('', from, path).replace(/(^|\/)$/, '$1index.html')
  const file = /\.\w+$/.test(target) ? target : `${target}.html`
  const page = pages.get(file)
  if (page === undefined) return existsSync(join(dist, target)) ? '' : 'no such page'
  return hash === '' || page.ids.has(decodeURIComponent(hash)) ? '' : 'no such heading'
}

function place(dist, from, path) {
  const base = process.env.SITE_BASE ?? '/'
  const at = path.startsWith('/')
    ? path.slice(path.startsWith(base) ? base.length : 1)
    : normalize(join(dirname(from), path))
  return join(dist, decodeURIComponent(at))
}
