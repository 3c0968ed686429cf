import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SpindleError } from '../errors.ts'
import type { DeadEnd, Ended } from './exit-status.ts'
import { loadExport } from './load-module.ts'
import { print, say } from './output.ts'

/** The parsed arguments, as `@spindle/cluster/command` takes them. */
export interface ClusterInput {
  readonly command: 'run' | 'worker' | 'status'
  readonly subject: string
  readonly exportName: string | undefined
  readonly ledger: string | undefined
  readonly workers: number
  readonly workerId: string | undefined
  readonly graceMs: number | undefined
  readonly retriesDead: boolean
  readonly asJson: boolean
  readonly isOnce: boolean
  readonly showsProgress: boolean | undefined
  readonly uiPort: number | undefined
  readonly args: readonly string[]
}

/** What this command lends to `@spindle/cluster`. */
interface ClusterHost {
  load(file: string, exportName: string | undefined, args: readonly string[]): Promise<unknown>
  print(text: string): Promise<Error | undefined>
  say(message: string): void
  readonly main: string
}

interface ClusterPackage {
  clusterCommand(input: ClusterInput, host: ClusterHost): Promise<number>
}

/** Runs a command of `@spindle/cluster`, which is a package of its own. */
export async function runClusterCommand(input: ClusterInput, deadEnd: DeadEnd): Promise<Ended> {
  deadEnd.doing(`spindle ${input.command}`)
  const { clusterCommand } = await importCluster(input)
  const status = await clusterCommand(input, {
    load: async (file, exportName, args) => (await loadExport(file, exportName, args)).made,
    print,
    say,
    main: process.argv[1] ?? '',
  })
  return { status }
}

/** As the job's module finds it, or as this package does. */
async function importCluster({ command, subject }: ClusterInput): Promise<ClusterPackage> {
  const name = '@spindle/cluster/command'
  const from = command === 'status' ? resolve('status.mjs') : resolve(subject)
  for (const place of [from, fileURLToPath(import.meta.url)]) {
    let path: string
    try {
      path = createRequire(place).resolve(name)
    } catch {
      continue
    }
    return (await import(pathToFileURL(path).href)) as ClusterPackage
  }
  throw new SpindleError(
    'ERR_BACKEND_MISSING',
    `spindle ${command}${command === 'run' ? ' --ledger' : ''} needs @spindle/cluster, which is not installed: run \`npm install @spindle/cluster\``,
  )
}
