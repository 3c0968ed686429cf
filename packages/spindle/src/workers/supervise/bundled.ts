import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InfrastructureError, messageOf } from '../../errors.ts'
import { packageFolder } from '../../file-place.ts'

// Threads and processes start from files of this package. A bundler copies its code into one file
// of the application, and leaves those files behind.

/** How bundlers are told to leave packages as they are. */
export const KEEP_EXTERNAL =
  'keep `spindle` and `@spindle/io` external (esbuild: `--packages=external`; Vite: `ssr.external` or `build.rollupOptions.external`; Next.js: `serverExternalPackages`; webpack: `externals`)'

let isWhole: boolean | undefined

/**
 * Checks that a file of this package, given as its URL, lies where this package is.
 *
 * @throws `ERR_WORKER_START` with what to tell the bundler.
 */
export function checkBundled(href: string): void {
  if (href.startsWith('file:') && existsSync(fileURLToPath(href))) {
    isWhole ??= isOwnFolder()
    if (isWhole) return
  }
  throw new InfrastructureError(
    'ERR_WORKER_START',
    `spindle was bundled into the application, and its files for workers were left behind: ${KEEP_EXTERNAL}`,
  )
}

/** Whether the folder around this file is that of a package `spindle`, as far as can be told. */
function isOwnFolder(): boolean {
  try {
    const manifest = readFileSync(join(packageFolder, 'package.json'), 'utf8')
    return (JSON.parse(manifest) as { readonly name?: unknown }).name === 'spindle'
  } catch (error) {
    // Without a `package.json`, as in a test build, the file alone decides.
    return /ENOENT/.test(messageOf(error))
  }
}
