// Builds the documentation site into site/.vitepress/dist and checks it.
//   node site/build.mjs            install (once), collect pages, API reference, build, check
//   node site/build.mjs --dev      the same pages with a server that reloads
// Ends with "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = fileURLToPath(new URL('.', import.meta.url))
const root = join(site, '..')
const pages = join(site, '.pages')

install()
const { collectPages } = await import('./pages.mjs')
const { writeApi } = await import('./api.mjs')
const { checkSite } = await import('./check.mjs')
const { writeLlmsTexts } = await import('./llms.mjs')

const started = performance.now()
collectPages(root, pages)
note('pages collected')
const names = await writeApi(root, pages)
note('API reference written')
const command = process.argv.includes('--dev') ? 'dev' : 'build'
const built = spawnSync(
  process.execPath,
  [join(site, 'node_modules/vitepress/bin/vitepress.js'), command, site],
  {
    cwd: site,
    stdio: ['ignore', command === 'dev' ? 'inherit' : 'ignore', 'inherit'],
  },
)
if (built.status !== 0) process.exit(built.status ?? 1)
writeLlmsTexts(pages, join(site, '.vitepress/dist'))
note('site built')
checkSite({ root, site, pages, names })
note('site checked')

function note(what) {
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s  ${what}`)
}

/**
 * The site's tools have a lock file of their own, so that `npm ci` of the workspace stays quick.
 */
function install() {
  const lock = join(site, 'package-lock.json')
  const installed = join(site, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  const { status } = spawnSync('npm', args, { cwd: site, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error('npm could not install the tools of site/')
}
