import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { CONTENTS } from '../contents.mjs'

const pages = fileURLToPath(new URL('../.pages', import.meta.url))

/** Folders of the API reference that the sidebar lists, and those that it does not. */
const KINDS = ['classes', 'functions']
const TITLES = { classes: 'Classes', functions: 'Functions' }
const OTHER_KINDS = ['interfaces', 'type-aliases', 'variables']

// biome-ignore lint/style/noDefaultExport: VitePress reads the default export
export default defineConfig({
  title: 'Spindle',
  description: 'Data loading pipelines for Node.js: batches for models and media jobs.',
  lang: 'en',
  base: process.env.SITE_BASE ?? '/',
  srcDir: '.pages',
  outDir: '.vitepress/dist',
  cacheDir: '.vitepress/cache',
  metaChunk: true,
  markdown: { theme: { light: 'github-light-high-contrast', dark: 'github-dark' } },
  vite: { build: { chunkSizeWarningLimit: 5000, reportCompressedSize: false }, logLevel: 'warn' },
  head: [
    // Without JavaScript the menu cannot be opened: it stands above the page instead.
    [
      'noscript',
      {},
      '<style>.VPSidebar{position:static!important;transform:none!important;opacity:1!important;' +
        'visibility:visible!important;width:auto!important;max-width:none!important;' +
        'box-shadow:none!important}.VPNavBarHamburger,.VPLocalNav,.VPNavBarSearch,' +
        '.VPSwitchAppearance{display:none!important}' +
        '@media(prefers-color-scheme:dark){:root{--vp-c-bg:#1b1b1f;--vp-c-text-1:#dfdfd6;' +
        '--vp-c-text-2:#98989f;--vp-c-bg-soft:#202127;--vp-c-bg-alt:#161618;' +
        '--vp-code-block-bg:#161618;--vp-c-divider:#2e2e32;--vp-c-gutter:#000;' +
        '--vp-sidebar-bg-color:#161618;--vp-nav-bg-color:#1b1b1f;color-scheme:dark}' +
        '.vp-code span{color:var(--shiki-dark,inherit)}}</style>',
    ],
  ],
  themeConfig: {
    search: { provider: 'local', options: { detailedView: true } },
    outline: [2, 3],
    nav: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'Guides', link: '/where-code-runs' },
      { text: 'API', link: '/api/' },
      { text: 'Options', link: '/options' },
      { text: 'Errors', link: '/errors' },
    ],
    sidebar: { '/': guides(), ...api() },
    docFooter: { prev: 'Previous page', next: 'Next page' },
  },
})

function guides() {
  return CONTENTS.map(({ title, pages: names }) => ({
    text: title,
    items: [
      ...names.map((name) => ({ text: heading(name), link: `/${name}` })),
      ...(title === 'Reference' ? [{ text: 'API', link: '/api/' }] : []),
    ],
  }))
}

/**
 * A sidebar for each entry: its functions and classes, and a link to the list of all exports. Lists
 * of everything on each of 500 pages would be most of the site.
 */
function api() {
  const folder = join(pages, 'api')
  if (!existsSync(folder)) return {}
  const entries = foldersWithIndex(folder, '')
  const all = entries.map((entry) => ({ text: entry, link: `/api/${entry}/` }))
  // Longer paths first: VitePress takes the first that fits.
  const byLength = entries.toSorted((one, other) => other.length - one.length)
  return Object.fromEntries(
    [...byLength, ''].map((entry) => [
      entry === '' ? '/api/' : `/api/${entry}/`,
      [
        { text: 'Entries', items: all },
        ...KINDS.map((kind) => ({
          text: TITLES[kind],
          items: exportsOf(join(folder, entry), entry, kind),
        })),
      ].filter(({ items }) => items.length > 0),
    ]),
  )
}

function exportsOf(folder, entry, kind) {
  if (entry === '' || !existsSync(join(folder, kind))) return []
  return readdirSync(join(folder, kind)).map((file) => ({
    text: file.replace(/\.md$/, ''),
    link: `/api/${entry}/${kind}/${file.replace(/\.md$/, '')}`,
  }))
}

function foldersWithIndex(folder, prefix) {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && ![...KINDS, ...OTHER_KINDS].includes(entry.name))
    .flatMap((entry) => {
      const path = join(prefix, entry.name)
      return [
        ...(existsSync(join(folder, path, 'index.md')) ? [path] : []),
        ...foldersWithIndex(folder, path),
      ]
    })
}

/** The first heading of a page. */
function heading(name) {
  const file = join(pages, `${name}.md`)
  const found = existsSync(file) ? /^# (.+)$/m.exec(readFileSync(file, 'utf8')) : null
  return (found?.[1] ?? name).replaceAll('`', '')
}
