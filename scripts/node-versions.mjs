// The Node versions that Spindle is tested on, and where their binaries are.
//   node scripts/node-versions.mjs 24      prints the path of Node 24, installing it into .cache/ first if it is not there
// The binaries come from the npm registry, so that nothing but npm is needed; they stay outside
// node_modules and the lock file, because 200 MB each is too much for those who only want to build.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Every supported major version, pinned. */
export const NODE_VERSIONS = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' }

/**
 * The path of a Node binary of that major version: the running one if it fits, else a cached one.
 */
export function nodeBinary(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const version = NODE_VERSIONS[major]
  if (version === undefined)
    throw new Error(`no Node ${major} here, only ${Object.keys(NODE_VERSIONS)}`)
  const platform = `${process.platform}-${process.arch}`
  if (!['linux-x64', 'linux-arm64'].includes(platform))
    throw new Error(`no Node binary for ${platform}`)

  // The version is in the folder's name: a new pin installs anew.
  const folder = fileURLToPath(new URL(`../.cache/node-${version}`, import.meta.url))
  const binary = join(folder, `node_modules/node-${platform}/bin/node`)
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  // A package.json of its own keeps npm from installing into the workspace above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const install = spawnSync(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-save',
      '--no-package-lock',
      `node-${platform}@${version}`,
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  if (install.status !== 0) throw new Error(`npm could not install Node ${version}`)
  return binary
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(nodeBinary(process.argv[2]))
}
