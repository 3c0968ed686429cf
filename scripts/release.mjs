// The steps of .github/workflows/release.yml.
//   node scripts/release.mjs check v1.2.3        versions, changelog and names fit the tag
//   node scripts/release.mjs pack FOLDER         packs every package, in the order of publishing
//   node scripts/release.mjs publish FOLDER      publishes those tarballs; --dry-run tries it
// Publishing needs npm 11.5.1 or newer, which exchanges the workflow's identity for a short-lived
// token. A version that is published already is left out, so that the job can be run again.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGES } from './packages.mjs'
import { pack } from './tarballs.mjs'
import { root, run } from './tools.mjs'

const [command, argument, ...flags] = process.argv.slice(2)
if (command === 'check') report(problemsOf(argument.replace(/^v/, '')))
else if (command === 'pack') for (const [, file] of pack(join(root, argument))) console.log(file)
else if (command === 'publish') for (const one of PACKAGES) publish(one)
else report([`unknown command ${command}: check, pack or publish`])

function report(problems) {
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}

/** What does not fit a version. */
function problemsOf(version) {
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
  return [
    ...PACKAGES.flatMap(({ folder, manifest }) => [
      ...(manifest.version === version ? [] : [`${folder}: version ${manifest.version}`]),
      ...(manifest.license ? [] : [`${folder}: no licence`]),
      ...(manifest.private ? [`${folder}: private`] : []),
      ...Object.entries(manifest.dependencies ?? {})
        .filter(([name]) => PACKAGES.some((other) => other.name === name))
        .filter(([, range]) => range !== `^${version}`)
        .map(([name, range]) => `${folder}: asks for ${name} ${range}, not ^${version}`),
    ]),
    ...(changelog.includes(`## ${version}`) ? [] : [`CHANGELOG.md has no section "## ${version}"`]),
  ]
}

function publish({ name, manifest }) {
  const id = `${name}@${manifest.version}`
  const isDry = flags.includes('--dry-run')
  if (!isDry && run('npm', ['view', id, 'version']).output === manifest.version) {
    console.log(`${id} is published already`)
    return
  }
  const file = `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
  const tag = manifest.version.includes('-') ? 'next' : 'latest'
  const args = ['publish', join(argument, file), '--access', 'public', '--tag', tag]
  const { isOk, output } = run('npm', [...args, ...(isDry ? ['--dry-run'] : ['--provenance'])])
  console.log(output)
  if (!isOk) throw new Error(`${id} was not published`)
}
