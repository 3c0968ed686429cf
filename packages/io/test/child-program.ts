import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * `npm test` compiles the tests and the sources; `node scripts/test.mjs --sources` runs them from
 * TypeScript, through tsx.
 */
const isCompiled = import.meta.url.endsWith('.js')

/** What Node is started with to run a module that imports the sources, or an op of a test. */
export const NODE_FLAGS: readonly string[] = isCompiled
  ? ['--enable-source-maps']
  : ['--conditions=@spindle/source', '--import=tsx']

/** How a program ended, and what it printed. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** URL of one of the package's source files, for the text of a program: `'index'`, `'sync'`. */
export function sourceUrl(name: string): string {
  return new URL(`../src/${name}.${isCompiled ? 'js' : 'ts'}`, import.meta.url).href
}

/** Runs a module, given as text, in a process of its own, which must end by itself. */
export function runProgram(source: string, ...flags: string[]): Ended {
  const own = [...NODE_FLAGS, ...flags, '--input-type=module', '-e', source]
  return spawnSync(process.execPath, own, {
    cwd: root,
    encoding: 'utf8',
    timeout: 110_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
}
