// Each template of create-spindle, made by the packed `create-spindle` and run with the packed
// packages: installed, type-checked, built, tested and started.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { QUIETLY } from './tarballs.mjs'
import { root, run } from './tools.mjs'

/** What a started template must print or leave behind. */
const STARTS = {
  embed: (folder) => {
    const lines = shardsIn(folder, '.jsonl').flatMap((file) =>
      readFileSync(file, 'utf8').trim().split('\n'),
    )
    return lines.length === 40 ? '' : `wrote ${lines.length} lines, not 40`
  },
  shards: (folder) => (shardsIn(folder, '.npy').length > 0 ? '' : 'wrote no shards'),
}

export async function tryTemplates({ checks, place, tarballs, wanted }) {
  const [creator] = [...tarballs].find(([name]) => name.startsWith('create-'))
  const home = join(place, 'creator')
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  const installed = run('npm', ['install', ...QUIETLY, tarballs.get(creator)], { cwd: home })
  checks.add(`${creator} installs`, installed.isOk ? '' : installed.output)
  const { TEMPLATES } = await import(
    pathToFileURL(join(home, 'node_modules', creator, 'create.mjs')).href
  )
  for (const template of Object.keys(TEMPLATES))
    if (wanted.length === 0 || wanted.includes(template)) await tryTemplate(template)

  async function tryTemplate(template) {
    const folder = join(place, template)
    const check = (what, program, args, options) =>
      checks.run(`template ${template}: ${what}`, program, args, {
        cwd: folder,
        timeout: 300_000,
        ...options,
      })
    const create = ['--no-install', creator, folder, '--template', template]
    if (!check('is created', 'npx', create, { cwd: home })) return
    usePackages(folder, tarballs)
    if (!check('npm install', 'npm', ['install', ...QUIETLY])) return
    check('npm run build', 'npm', ['run', 'build'])
    check('npm test', 'npm', ['test'])
    if (template === 'media') checks.add('template media: starts', await serves(folder))
    else if (check('npm start', 'npm', ['start']))
      checks.add(`template ${template}: its output`, STARTS[template](folder))
    if (STARTS[template]) check('node dist/main.js continues', process.execPath, ['dist/main.js'])
  }
}

/** The packages come from their tarballs, the rest at the versions that the workspace has. */
function usePackages(folder, tarballs) {
  const file = join(folder, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  for (const part of ['dependencies', 'devDependencies'])
    for (const name of Object.keys(manifest[part])) {
      const ours = join(root, 'node_modules', name, 'package.json')
      if (tarballs.has(name)) manifest[part][name] = `file:${tarballs.get(name)}`
      else if (existsSync(ours)) manifest[part][name] = JSON.parse(readFileSync(ours)).version
    }
  writeFileSync(file, JSON.stringify(manifest, undefined, 2))
}

function shardsIn(folder, ending) {
  const output = join(folder, 'output')
  return readdirSync(output)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(output, name))
}

/** Starts the built service, asks it, and ends it with SIGTERM. */
async function serves(folder) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: folder,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  try {
    const [line] = await once(child.stdout, 'data')
    const [, url] = /(http:\S+)\/thumbnail/.exec(String(line)) ?? []
    if (url === undefined) return `it printed ${line}`
    const { status } = await fetch(`${url}/healthz`)
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    return status === 200 && code === 0 ? '' : `status ${status}, exit ${code}`
  } finally {
    clearTimeout(timer)
  }
}
