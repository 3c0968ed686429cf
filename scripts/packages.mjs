// The one place that knows the published packages. Everything that packs, installs, documents or
// publishes them takes their names from here. A name itself is the "name" of the package.json.
// To rename a package, change its package.json and run `node scripts/packages.mjs`: it lists what
// still has the old name.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Folders of the published packages, in the order of publishing. */
export const PACKAGE_FOLDERS = [
  'packages/spindle',
  'packages/io',
  'packages/cluster',
  'packages/models',
  'packages/create-spindle',
]

/** The published packages: folder, name and package.json. */
export const PACKAGES = PACKAGE_FOLDERS.map((folder) => {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  return { folder, name: manifest.name, manifest }
})

/** The packages that programs import: those with "exports". */
export const LIBRARIES = PACKAGES.filter(({ manifest }) => manifest.exports !== undefined)

/** What can be imported: `{ specifier, source }`, `source` relative to the root. */
export const ENTRIES = LIBRARIES.flatMap(({ folder, name, manifest }) =>
  Object.entries(manifest.exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([key, target]) => ({
      package: name,
      specifier: name + key.slice(1),
      source: join(folder, target['@spindle/source']),
    })),
)
