import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Whether a file, by its name, is TypeScript. */
export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file)
}

/** Whether this Node runs TypeScript by leaving the types out. */
export function canStripTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript)
}

/** URL of the module of tsx that registers it, as installed beside `path`. Throws if it is not. */
export function findTsx(path: string): string {
  // `require.resolve` would give tsx's CommonJS file, which cannot register; `import.meta.resolve`
  // takes no parent on Node 20.
  const manifest = createRequire(path).resolve('tsx/package.json')
  const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    exports: { './esm/api': { import: { default: string } } }
  }
  return pathToFileURL(join(dirname(manifest), exports['./esm/api'].import.default)).href
}

/** Has this thread run TypeScript from now on, by the tsx that is installed beside `path`. */
export async function registerTsx(path: string): Promise<void> {
  const { register } = (await import(findTsx(path))) as { register(): void }
  register()
}

/**
 * The file that a URL means: itself or, for a `.js` that is not there, the `.ts` that it is built
 * from.
 */
export function sourceOf(href: string): string {
  if (!/^file:.*\.[cm]?js$/.test(href) || existsSync(fileURLToPath(href))) return href
  const source = href.replace(/js$/, 'ts')
  return existsSync(fileURLToPath(source)) ? source : href
}
