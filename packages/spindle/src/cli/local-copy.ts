import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../file-place.ts'

/** Another copy of this package. */
export interface Copy {
  readonly version: string
  readonly folder: string
  /** URL of the command's main module. */
  readonly main: string
}

/** Folder of this copy. */
export const ownFolder: string = realpathSync(packageFolder)

export const ownVersion: string = versionIn(ownFolder)

/**
 * The copy of the package that a module imports, if it is another one: with a global command, or
 * `npx`, a project has its own copy. A pipeline and the command that inspects it must be of the
 * same copy.
 */
export function copyOf(module: string): Copy | undefined {
  try {
    // Node resolves a module's imports from its real path.
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
    // There is no module, or it cannot reach a package `spindle`, so this copy is the only one.
    return undefined
  }
}

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string })
    .version
}
