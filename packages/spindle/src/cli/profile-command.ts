import { messageOf } from '../errors.ts'
import { profilePipeline } from '../observe/profile.ts'
import { plainJson } from '../plain-text.ts'
import type { DeadEnd, Ended } from './exit-status.ts'
import { loadConfig, otherCopy } from './load-module.ts'
import { onUnread, print, say } from './output.ts'
import { FAILED, OF_SIGNAL, OK, type StopSignal, UNREAD, UNWRITTEN } from './statuses.ts'

/** Options of `spindle profile`. */
export interface ProfileCommand {
  readonly module: string
  readonly exportName: string | undefined
  readonly inputs: number | undefined
  readonly concurrencies: readonly number[] | undefined
  readonly asJson: boolean
  readonly args: readonly string[]
  readonly deadEnd: DeadEnd
}

/** Profiles each stage of a module's pipeline. */
export async function profile(command: ProfileCommand): Promise<Ended> {
  const { deadEnd, module } = command
  deadEnd.doing(`loading ${module}`)
  const { config, isOther } = await loadConfig(module, command.exportName, command.args)
  const controller = new AbortController()
  let stopped: number | undefined
  const stop = (status: number): void => {
    stopped ??= status
    controller.abort(new Error('interrupted'))
  }
  const interrupt = (signal: StopSignal): void => stop(OF_SIGNAL[signal])
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const release = onUnread(() => stop(UNREAD))
  deadEnd.doing('the profile')
  try {
    const result = await profilePipeline(config, {
      signal: controller.signal,
      onStage: (stage) => say(`${stage.name}: ${stage.levels.length} levels measured`),
      ...(command.inputs === undefined ? {} : { inputs: command.inputs }),
      ...(command.concurrencies === undefined ? {} : { concurrencies: command.concurrencies }),
    })
    const { stages, limit } = result
    const error = await print(
      command.asJson ? `${plainJson({ stages, limit })}\n` : `${String(result)}\n`,
    )
    if (error !== undefined) say(`standard output cannot be written: ${messageOf(error)}`)
    return { status: error === undefined ? OK : UNWRITTEN }
  } catch (error) {
    if (isOther && (error as NodeJS.ErrnoException).code === 'ERR_BAD_OPTION')
      throw otherCopy('spindle profile', error)
    if (stopped !== UNREAD) say(messageOf(error))
    return { status: stopped ?? FAILED }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    release()
  }
}
