import { accessSync, constants, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Pipeline } from '../engine/run/pipeline.ts'
import { SpindleError } from '../errors.ts'
import { Recorder } from '../observe/recording.ts'
import { say } from './output.ts'
import { servePage } from './page-server.ts'

/** The outputs of `--report` and `--ui`. */
export interface PageOutput {
  /**
   * Called when the pipeline has ended: writes the file and closes the connections to browsers.
   * Rejects if the file cannot be written.
   */
  end(): Promise<void>
}

/**
 * Checks before the run that the file can be written.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function checkOutputFile(option: string, file: string): void {
  const path = resolve(file)
  const bad = (problem: string): never => {
    throw new SpindleError('ERR_BAD_OPTION', `--${option} cannot be written to ${file}: ${problem}`)
  }
  const folder = statSync(dirname(path), { throwIfNoEntry: false })
  if (folder?.isDirectory() !== true) bad(`there is no folder ${dirname(path)}`)
  const existing = statSync(path, { throwIfNoEntry: false })
  if (existing?.isDirectory() === true) bad('it is a folder')
  try {
    accessSync(existing === undefined ? dirname(path) : path, constants.W_OK)
  } catch {
    bad('no permission')
  }
}

/** Starts to record a pipeline if its page was requested. */
export async function openPage(
  pipeline: Pipeline<unknown>,
  unit: string,
  options: {
    readonly module: string
    readonly reportFile: string | undefined
    readonly uiPort: number | undefined
  },
): Promise<PageOutput> {
  const { reportFile, uiPort } = options
  if (reportFile === undefined && uiPort === undefined) return { end: async () => {} }
  const recorder = new Recorder(pipeline, { unit, title: basename(options.module) })
  const server = uiPort === undefined ? undefined : await servePage(recorder, uiPort)
  if (server !== undefined) say(`live at ${server.url}`)
  return {
    end: async () => {
      recorder.stop()
      try {
        if (reportFile !== undefined) {
          writeFileSync(reportFile, recorder.html())
          say(`report in ${reportFile}`)
        }
      } finally {
        await server?.end()
      }
    },
  }
}
