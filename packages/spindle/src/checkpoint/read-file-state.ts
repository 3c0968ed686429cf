import { join } from 'node:path'
import { run } from './file-work.ts'
import { readManifest } from './manifest.ts'
import { checkFolder, WORK_FOLDER } from './names.ts'

/**
 * Reads the state of the last commit of a `FileCheckpoint` without taking the folder over. Use it,
 * for example, to read the states of all ranks for `mergeStates()`. Returns `undefined` before the
 * first commit and if the folder does not exist.
 *
 * @throws `ERR_BAD_CHECKPOINT` if the manifest is damaged
 */
export async function readFileState<S extends object>(
  directory: string | URL,
): Promise<S | undefined> {
  const manifest = await run(readManifest(join(checkFolder(directory), WORK_FOLDER)))
  return manifest?.state as S | undefined
}
