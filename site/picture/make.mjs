// Makes the picture of the landing page: the report of a real run, as Chromium shows it, in light
// and dark.
//   node site/picture/make.mjs      needs Chromium and `npm run build`
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'spindle-picture-'))
const page = join(folder, 'report.html')
const run = ['packages/spindle/dist/cli/main.js', 'run', 'site/picture/pipeline.ts']
execFileSync(process.execPath, ['--import=tsx', ...run, '--report', page, '--no-progress'], {
  cwd: root,
})
for (const [name, scheme] of [
  ['light', 1],
  ['dark', 0],
])
  execFileSync('chromium', [
    '--headless',
    '--no-sandbox',
    '--hide-scrollbars',
    '--force-device-scale-factor=1.5',
    `--blink-settings=preferredColorScheme=${scheme}`,
    '--window-size=1260,690',
    `--screenshot=${join(root, `docs/pictures/report-${name}.png`)}`,
    `file://${page}`,
  ])
rmSync(folder, { recursive: true })
