// The packages as they are published: packed into a folder, and installed from there.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGES } from './packages.mjs'
import { root, run } from './tools.mjs'

/** Packs every package into `folder`; returns name -> path of the tarball. */
export function pack(folder, packages = PACKAGES) {
  mkdirSync(folder, { recursive: true })
  return new Map(
    packages.map(({ folder: from, name, manifest }) => {
      const { isOk, output } = run('npm', ['pack', '--pack-destination', folder], {
        cwd: join(root, from),
      })
      if (!isOk) throw new Error(`npm pack ${name}: ${output}`)
      const file = `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
      if (!readdirSync(folder).includes(file)) throw new Error(`npm pack ${name} made no ${file}`)
      return [name, join(folder, file)]
    }),
  )
}

/** `npm install` arguments that use the network and time as little as possible. */
export const QUIETLY = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
