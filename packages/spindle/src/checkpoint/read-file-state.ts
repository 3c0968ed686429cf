import { join } from 'node:path'
import { run } from './file-work.ts'
import { readManifest } from './manifest.ts'
import { checkFolder, WORK_FOLDER } from './names.ts'

/**
 * What the last commit of a `FileCheckpoint` said is done, read without taking the folder over: of
 * all ranks of a run, say, for `mergeStates()`. `undefined` before the first commit, and where no
 * such folder is.
 *
 * @throws `ERR_BAD_CHECKPOINT` if the manifest is damaged
 */
export async function readFileState<S extends object>(
  directory: string | URL,
): Promise<S | undefined> {
  const manifest = await run(readManifest(join(checkFolder(directory), WORK_FOLDER)))
  return manifest?.state as S | undefined
}
