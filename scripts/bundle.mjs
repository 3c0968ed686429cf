// Bundles the packages' JavaScript: one file for each export path, command and file that a thread
// or process starts from, with shared chunks beside them. `tsc` writes the declarations. A bundle
// starts in half the time, because importing hundreds of small files takes longer than running
// them.
//   node scripts/bundle.mjs      packages/*/src -> packages/*/dist; part of `npm run build`
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { planChunks } from './chunks.mjs'
import { LIBRARIES } from './packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
/**
 * Modules that find other files beside them: they must be at the same depth in `dist` as in `src`.
 */
const AT_THE_TOP = ['entries.ts', 'file-place.ts']
/**
 * Entry points that share no state with others, and start alone in a thread. Each is one file with
 * all that it needs.
 */
const ALONE = ['guard/watch-thread.ts']
/** How often entry points are loaded, for those that most programs load. Others count 1. */
const OFTEN_LOADED = {
  'index.ts': 16,
  'source/index.ts': 4,
  'workers/calls/pool-thread-main.ts': 12,
  'workers/index.ts': 6,
  'workers/threads.ts': 6,
  'api/image-worker.ts': 8,
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { folder } of LIBRARIES) await bundlePackage(join(root, folder))

/** Bundles a package into its `dist`. */
export async function bundlePackage(folder) {
  await bundle(join(folder, 'src'), join(folder, 'dist'), entriesOf(folder))
  removeStaleDeclarations(folder)
  markOptionalPeers(folder)
}

/** Removes declarations whose module was moved or deleted: `tsc -b` leaves them in `dist`. */
export function removeStaleDeclarations(folder) {
  for (const file of filesOf(join(folder, 'dist'))) {
    const [, module] = /^(.*)\.d\.ts(?:\.map)?$/.exec(relative(join(folder, 'dist'), file)) ?? []
    if (module !== undefined && !existsSync(join(folder, 'src', `${module}.ts`))) rmSync(file)
  }
}

/**
 * Bundles entry points, given by their paths below `src`, to the same paths below `out`, and
 * removes the JavaScript that was there. `sourcemap: 'hidden'` writes source maps that Node does
 * not know of.
 */
export async function bundle(src, out, entries, sourcemap = true) {
  const output = await bundleTogether(
    src,
    entries.filter((file) => !ALONE.includes(file)),
    { ...outputIn(out), sourcemap },
  )
  for (const file of entries.filter((file) => ALONE.includes(file))) {
    const bundled = await rolldown(inputOf(src, [file]))
    const alone = { ...outputIn(out), sourcemap, codeSplitting: false }
    output.push(...(await bundled.write(alone)).output)
    await bundled.close()
  }
  const written = new Set(output.map(({ fileName }) => join(out, fileName)))
  for (const file of filesOf(out))
    if (/\.js(?:\.map)?$/.test(file) && !written.has(file)) rmSync(file)
  for (const { fileName, moduleIds = [] } of output)
    for (const id of moduleIds)
      if (AT_THE_TOP.includes(relative(src, id)) && fileName.includes('/'))
        throw new Error(`${id} finds files beside it, and would lie in ${fileName}`)
}

/** Bundles entry points with chunks that they share. */
async function bundleTogether(src, entries, place) {
  const bundled = await rolldown(inputOf(src, entries))
  const unplanned = await bundled.generate(place)
  const plan = planChunks(unplanned.output, (id, isEntry) => weightOf(relative(src, id), isEntry))
  const { output } = await bundled.write({
    ...place,
    codeSplitting: {
      groups: [
        {
          debugName: 'planned',
          name: (id) => plan.get(id),
          test: (id) => plan.has(id),
          includeDependenciesRecursively: false,
        },
      ],
    },
  })
  await bundled.close()
  return output
}

function inputOf(src, entries) {
  return {
    input: Object.fromEntries(entries.map((file) => [file.replace(/\.ts$/, ''), join(src, file)])),
    platform: 'node',
    // Everything except the package's own files.
    external: /^[^./]/,
    tsconfig: false,
    resolve: { symlinks: false },
    transform: {
      target: 'node20.19',
      typescript: { onlyRemoveTypeImports: true, removeClassFieldsWithoutInitializer: true },
      assumptions: { setPublicClassFields: true },
    },
    treeshake: { moduleSideEffects: false },
    preserveEntrySignatures: 'allow-extension',
  }
}

function outputIn(out) {
  return {
    dir: out,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[hash].js',
    sourcemapExcludeSources: true,
    // Names and lines stay, because stacks show them, and Node prints the line of an uncaught
    // error. So do the comments at the beginning of modules, from which the loop guard knows what
    // the package was doing (`own-places.ts`).
    minify: false,
    comments: { legal: false, annotation: false, jsdoc: false },
  }
}

/** How often an entry point is loaded, in relation to others. */
function weightOf(file, isEntry) {
  if (!isEntry) return 0.2
  return OFTEN_LOADED[file] ?? 1
}

/**
 * Makes the declarations compile where optional peers are not installed: what comes from them is
 * then `any`. TypeScript keeps no comment before an import of types, so it is put there here.
 */
export function markOptionalPeers(folder) {
  const { peerDependenciesMeta = {} } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  )
  const peers = Object.keys(peerDependenciesMeta).join('|')
  if (peers === '') return
  const names = new RegExp(`(?:from |import\\()['"](?:${peers})(?:/[^'"]*)?['"]`)
  const mark = '// @ts-ignore: an optional peer'
  for (const file of filesOf(join(folder, 'dist')).filter((name) => name.endsWith('.d.ts'))) {
    const text = readFileSync(file, 'utf8')
    if (!names.test(text)) continue
    const lines = text
      .split('\n')
      .flatMap((line, i, all) =>
        names.test(line) && all[i - 1] !== mark && !/^\s*\*/.test(line) ? [mark, line] : [line],
      )
    writeFileSync(file, lines.join('\n'))
  }
}

/**
 * The modules that users import, the commands, and the files that threads and processes start from.
 */
export function entriesOf(folder) {
  const { exports, bin = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const exported = Object.values(exports).flatMap((target) => target['@spindle/source'] ?? [])
  const commands = Object.values(bin).map((file) =>
    file.replace('dist/', 'src/').replace(/\.js$/, '.ts'),
  )
  const started = [
    ...readFileSync(join(folder, 'src/entries.ts'), 'utf8').matchAll(/entry\('(.*)\.js'\)/g),
  ]
  return [
    ...[...exported, ...commands].map((file) => file.replace(/^\.\/src\//, '')),
    ...started.map(([, path]) => `${path}.ts`),
    // Each is an entry, so that its users find it in a chunk, which is at the top.
    ...AT_THE_TOP.filter((file) => existsSync(join(folder, 'src', file))),
  ]
}

function filesOf(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}
