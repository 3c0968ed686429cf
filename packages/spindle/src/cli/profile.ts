import { messageOf } from '../errors.ts'
import { profilePipeline } from '../observe/profile.ts'
import { loadConfig } from './load-module.ts'

/** What `spindle profile` was asked for. */
export interface ProfileCommand {
  readonly module: string
  readonly exportName: string | undefined
  readonly inputs: number | undefined
  readonly concurrencies: readonly number[] | undefined
  readonly asJson: boolean
  readonly args: readonly string[]
}

const INTERRUPTED = 130

/** Profiles each stage of a module's pipeline; returns the exit status. */
export async function profile(command: ProfileCommand): Promise<number> {
  const config = await loadConfig(command.module, command.exportName, command.args)
  const controller = new AbortController()
  const interrupt = (): void => controller.abort(new Error('interrupted'))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    const result = await profilePipeline(config, {
      signal: controller.signal,
      onStage: (stage) => process.stderr.write(`${stage.name}: ${stage.levels.length} levels measured\n`),
      ...(command.inputs === undefined ? {} : { inputs: command.inputs }),
      ...(command.concurrencies === undefined ? {} : { concurrencies: command.concurrencies }),
    })
    const { stages, limit } = result
    process.stdout.write(command.asJson ? `${JSON.stringify({ stages, limit })}\n` : `${String(result)}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`spindle: ${messageOf(error)}\n`)
    return controller.signal.aborted ? INTERRUPTED : 1
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}
