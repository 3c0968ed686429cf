import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { nodeModule } from '../../builtins.ts'

/** Whether a file is TypeScript, by its name. */
export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file)
}

/** Whether this Node runs TypeScript by stripping the types. */
export function canStripTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript)
}

/**
 * URL of the module that registers tsx, as installed beside `path`. Throws if it is not installed.
 */
export function findTsx(path: string): string {
  // `require.resolve` would return tsx's CommonJS file, which cannot register;
  // `import.meta.resolve` accepts no parent on Node 20.
  const manifest = nodeModule().createRequire(path).resolve('tsx/package.json')
  const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    exports: { './esm/api': { import: { default: string } } }
  }
  return pathToFileURL(join(dirname(manifest), exports['./esm/api'].import.default)).href
}

/** Makes this thread run TypeScript from now on, by the tsx that is installed beside `path`. */
export async function registerTsx(path: string): Promise<void> {
  const { register } = (await import(findTsx(path))) as { register(): void }
  register()
}

/** The file of a URL: itself, or for a missing `.js` the `.ts` that it is built from. */
export function sourceOf(href: string): string {
  if (!/^file:.*\.[cm]?js$/.test(href) || existsSync(fileURLToPath(href))) return href
  const source = href.replace(/js$/, 'ts')
  return existsSync(fileURLToPath(source)) ? source : href
}
