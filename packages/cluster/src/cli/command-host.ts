/** What the command `spindle` lends to this package's commands. */
export interface CommandHost {
  /** Imports a module and returns its export: `default`, or the one that is named. */
  load(file: string, exportName: string | undefined, args: readonly string[]): Promise<unknown>
  /** Writes to standard output. Resolves with the error that prevented it. */
  print(text: string): Promise<Error | undefined>
  /** Writes one line to standard error. */
  say(message: string): void
  /** Path of the command's main file, for worker processes. */
  readonly main: string
}

/** The parsed arguments of a command. */
export interface CommandInput {
  readonly command: 'run' | 'worker' | 'status'
  /** The job's module; of `status`, the ledger. */
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
  /** Port of the page about the fleet, 0 for any; `undefined` for none. */
  readonly uiPort: number | undefined
  /** Arguments of the module. */
  readonly args: readonly string[]
}

/** Exit statuses; `spindle --help` lists them. */
export const OK = 0
export const FAILED = 1
export const OF_SIGNAL: { readonly SIGINT: number; readonly SIGTERM: number } = {
  SIGINT: 130,
  SIGTERM: 143,
}
