// The places of the compilers and the tools of the checks. TypeScript 6 and the package linters are
// in .ci/tools with their own lock file: TypeScript 6 and 7 both bring a `tsc`, and in one
// node_modules/.bin either may win.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.ci/tools')

export const TSC_7 = join(root, 'node_modules/typescript/bin/tsc')

/**
 * The script of a tool in .ci/tools, installed first if it is not there or the lock has changed.
 */
export function tool(path) {
  const lock = join(folder, 'package-lock.json')
  const installed = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
    const install = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (install.status !== 0) throw new Error('npm could not install .ci/tools')
  }
  return join(folder, 'node_modules', path)
}

export const tsc6 = () => tool('typescript-6/bin/tsc')
export const publint = () => tool('publint/src/cli.js')
export const attw = () => tool('@arethetypeswrong/cli/dist/index.js')

/**
 * Runs a program to its end. Returns its output, both streams together, and whether it ended with
 * 0.
 */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    cwd: root,
    timeout: 120_000,
    killSignal: 'SIGKILL',
    ...options,
  })
  const output =
    `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `\n${result.error.message}` : ''}`.trim()
  return { isOk: result.status === 0, output }
}

/** Collects named checks and ends with "N passed, N failed". */
export class Checks {
  #passed = 0
  #failed = 0

  /** `problem` is undefined or '' when all is well. */
  add(name, problem) {
    if (problem) this.#failed++
    else this.#passed++
    console.log(`${problem ? '✖' : '✔'} ${name}`)
    if (problem) console.log(problem.replaceAll(/^/gm, '    '))
  }

  /** The program must end with 0. */
  run(name, program, args, options) {
    const { isOk, output } = run(program, args, options)
    this.add(name, isOk ? '' : output || 'it failed and printed nothing')
    return isOk
  }

  finish() {
    console.log(`${this.#passed} passed, ${this.#failed} failed`)
    process.exitCode = this.#failed > 0 ? 1 : 0
  }
}
