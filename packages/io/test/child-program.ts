import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** How a program ended, and what it printed. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** URL of one of the package's source files, for the text of a program: `'index'`, `'sync'`. */
export function sourceUrl(name: string): string {
  return new URL(`../src/${name}.ts`, import.meta.url).href
}

/** Runs a module, given as text, in a process of its own, which must end by itself. */
export function runProgram(source: string, ...flags: string[]): Ended {
  const own = [
    '--conditions=@spindle/source',
    '--import',
    'tsx',
    ...flags,
    '--input-type=module',
    '-e',
    source,
  ]
  return spawnSync(process.execPath, own, {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
}
