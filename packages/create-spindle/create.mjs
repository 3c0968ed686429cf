#!/usr/bin/env node
// npm create spindle [folder] -- --template embed|shards|media
// Copies a template into a new folder and fills in its name and the versions. It asks nothing when
// folder and template are given, installs nothing, and writes only into the new folder.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const templates = fileURLToPath(new URL('templates', import.meta.url))

/** Name -> what it makes. */
export const TEMPLATES = {
  embed: 'a folder of images -> vectors in JSON lines; continues after a crash',
  shards: 'text -> tokens -> packed sequences -> npy shards for a language model',
  media: 'an HTTP service that makes thumbnails, with limits, a queue and metrics',
}

const USAGE = `Usage: npm create spindle [folder] -- [--template <name>]

Templates
${Object.entries(TEMPLATES)
  .map(([name, what]) => `  ${name.padEnd(8)}${what}`)
  .join('\n')}

  --template <name>  which template; asked for on a terminal, otherwise "embed"
  --help, --version
`

/** Makes a project. `versions` replaces the versions of packages in its package.json. */
export function create(folder, template, versions = {}) {
  if (!Object.hasOwn(TEMPLATES, template))
    throw new Error(`no template "${template}"; there are ${Object.keys(TEMPLATES).join(', ')}`)
  const target = resolve(folder)
  if (existsSync(target) && readdirSync(target).some((name) => name !== '.git'))
    throw new Error(`${target} is not empty: give the name of a new folder`)
  mkdirSync(target, { recursive: true })
  cpSync(join(templates, template), target, { recursive: true })
  // npm leaves files named .gitignore out of packages.
  renameSync(join(target, 'gitignore'), join(target, '.gitignore'))
  const file = join(target, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  manifest.name = packageName(basename(target))
  const own = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
  for (const part of ['dependencies', 'devDependencies'])
    for (const [name, version] of Object.entries(manifest[part] ?? {}))
      manifest[part][name] = versions[name] ?? (version === 'own' ? `^${own.version}` : version)
  writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`)
  return target
}

function packageName(text) {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
  return name === '' ? 'my-pipeline' : name
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      template: { type: 'string', short: 't' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  })
  if (values.help) return process.stdout.write(USAGE)
  if (values.version) {
    const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
    return console.log(version)
  }
  if (positionals.length > 1) throw new Error(`one folder, please, not ${positionals.join(' ')}`)
  const folder = positionals[0] ?? (await ask('Folder', 'my-pipeline'))
  const names = Object.keys(TEMPLATES).join(', ')
  const template = values.template ?? (await ask(`Template (${names})`, 'embed'))
  const target = create(folder, template)
  console.log(`Made ${target}: ${TEMPLATES[template]}\n
  cd ${folder}
  npm install
  npm start
  npm test

README.md there says what each file is for.`)
}

/** Asks on a terminal; elsewhere the default is taken. */
async function ask(question, fallback) {
  if (!process.stdin.isTTY) return fallback
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = (await terminal.question(`${question} [${fallback}]: `)).trim()
  terminal.close()
  return answer === '' ? fallback : answer
}

// npm starts commands through links.
const [, started] = process.argv
if (started !== undefined && import.meta.url === pathToFileURL(realpathSync(started)).href) {
  main().catch((error) => {
    console.error(`create-spindle: ${error.message}\n\n${USAGE}`)
    process.exitCode = 2
  })
}
