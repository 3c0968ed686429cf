import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../file-place.ts'

/** Another copy of this package. */
export interface Copy {
  readonly version: string
  readonly folder: string
  /** URL of its command. */
  readonly main: string
}

/** The folder of this copy. */
export const ownFolder: string = realpathSync(packageFolder)

export const ownVersion: string = versionIn(ownFolder)

/**
 * The copy of the package that a module imports, if it is not this one: with a global command, or
 * `npx`, a project has its own. A pipeline and the command that looks into it must be of one copy.
 */
export function copyOf(module: string): Copy | undefined {
  try {
    // A module is known by its real place to Node, and so is what it imports.
    const manifest = createRequire(realpathSync(resolve(module))).resolve('spindle/package.json')
    const folder = realpathSync(dirname(manifest))
    if (folder === ownFolder) return undefined
    const { version, bin } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      version: string
      bin?: { spindle?: string }
    }
    const main = join(folder, bin?.spindle ?? '')
    return bin?.spindle === undefined || !existsSync(main)
      ? undefined
      : { version, folder, main: pathToFileURL(main).href }
  } catch {
    // No module, or it has no `spindle` in reach: then there is none but this one.
    return undefined
  }
}

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string })
    .version
}
