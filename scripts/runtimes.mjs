// The conformance checks of scripts/conformance under Node, Bun and Deno.
//   node scripts/runtimes.mjs [bun] [deno] [node]      default: all three
// The binaries come from the npm registry and stay in .cache/. A registry that has none for this
// platform is said so, and is no failure. Expects `npm run build`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './tools.mjs'

/** The package that has the binary for this platform, pinned, and what runs a script with it. */
const RUNTIMES = {
  node: { command: () => [process.execPath] },
  bun: {
    version: '1.4.5',
    packages: { 'linux-x64': '@oven/bun-linux-x64', 'linux-arm64': '@oven/bun-linux-aarch64' },
    command: (folder) => [join(folder, 'bin/bun')],
  },
  deno: {
    version: '2.9.6',
    packages: { 'linux-x64': '@deno/linux-x64-glibc', 'linux-arm64': '@deno/linux-arm64-glibc' },
    command: (folder) => [join(folder, 'deno'), 'run', '--allow-all'],
  },
}
const LIMIT_MS = 120_000

const wanted = process.argv.slice(2)
let passed = 0
let failed = 0
for (const [name, runtime] of Object.entries(RUNTIMES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const [program, ...flags] = commandOf(name, runtime)
  if (program === undefined) continue
  const args = [...flags, join(root, 'scripts/conformance/checks.mjs')]
  const { stdout, stderr, status, signal } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const counts = /^(\d+) passed, (\d+) failed$/m.exec(stdout)
  const isComplete = counts !== null && (status === 0 || counts[2] !== '0')
  passed += Number(counts?.[1] ?? 0)
  failed += Number(counts?.[2] ?? 0) + (isComplete ? 0 : 1)
  console.log(`${name} ${runtime.version ?? process.version}\n${stdout.replace(/^/gm, '  ')}`)
  if (!isComplete || counts[2] !== '0')
    console.log(`  ended with ${signal ?? status}\n${stderr.replace(/^/gm, '  ')}`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** The command line of a runtime, installed first if need be. Empty if it is not to be had. */
function commandOf(name, { version, packages, command }) {
  if (version === undefined) return command()
  const platform = `${process.platform}-${process.arch}`
  const packageName = packages[platform]
  if (packageName === undefined) return leftOut(name, `there is no package for ${platform}`)
  // The version is in the folder's name: a new pin installs anew.
  const folder = join(root, `.cache/${name}-${version}`)
  const line = command(join(folder, 'node_modules', packageName))
  if (existsSync(line[0])) return line
  mkdirSync(folder, { recursive: true })
  // A package.json of its own keeps npm from installing into the workspace above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const flags = ['--ignore-scripts', '--no-save', '--no-package-lock', '--no-audit', '--no-fund']
  const install = spawnSync('npm', ['install', ...flags, `${packageName}@${version}`], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (existsSync(line[0])) return line
  return leftOut(name, `npm cannot install ${packageName}@${version}: ${install.stderr.trim()}`)
}

function leftOut(name, reason) {
  console.log(`${name} is left out: ${reason}`)
  return []
}
