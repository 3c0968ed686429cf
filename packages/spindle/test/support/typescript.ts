import { fileURLToPath } from 'node:url'

/**
 * `npm test` compiles the tests and the sources; `node scripts/test.mjs --sources` runs them from
 * TypeScript, through tsx.
 */
const isCompiled = import.meta.url.endsWith('.js')

/** What Node is started with to run a module that imports the sources, or an op of a test. */
export const NODE_FLAGS: readonly string[] = isCompiled
  ? ['--enable-source-maps']
  : ['--conditions=@spindle/source', '--import=tsx']

/** The TypeScript file of a module: what stacks name. */
export function sourceFile(url: string): string {
  return fileURLToPath(url).replace(/\.js$/, '.ts')
}
