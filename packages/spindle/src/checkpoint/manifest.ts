import { join } from 'node:path'
import { messageOf, SpindleError } from '../errors.ts'
import { call, type FileWork, isMissing, makeFile, syncFile, syncFolder } from './file-work.ts'
import { isName } from './names.ts'

const FILE = 'manifest.json'
const NEXT_FILE = 'manifest.next'
/** File that names the current owner of the folder. */
export const OWNER_FILE = 'owner'
const VERSION = 1

/** The result of the last commit. Only the manifest decides what is committed. */
export interface Manifest {
  readonly version: number
  /** Number of commits. */
  readonly commits: number
  /** Number of parts: all parts with lower numbers are committed. */
  readonly parts: number
  /**
   * Files of the last commit, which get their names after it, and files of earlier commits that
   * could not get theirs.
   */
  readonly files: readonly CommittedFile[]
  readonly state: object
}

/**
 * A file that is complete under the name `temp` in the work folder and is to get the name `name`.
 */
export interface CommittedFile {
  readonly temp: string
  readonly name: string
}

/**
 * Reads the manifest of an output's work folder; `undefined` before the first commit.
 *
 * @throws `ERR_BAD_CHECKPOINT`
 */
export function* readManifest(folder: string): FileWork<Manifest | undefined> {
  const path = join(folder, FILE)
  let text: string
  try {
    text = yield* call('readFile', path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw badManifest(path, messageOf(error), error)
  }
  return parse(path, text)
}

/**
 * Replaces the manifest and syncs it. A crash during this leaves the old or the new manifest.
 *
 * @param mayCommit is called last before the replacement, and may throw
 */
export function* writeManifest(
  folder: string,
  manifest: Omit<Manifest, 'version'>,
  mayCommit: () => FileWork<void>,
): FileWork<void> {
  const next = join(folder, NEXT_FILE)
  yield* makeFile(next, [Buffer.from(`${JSON.stringify({ version: VERSION, ...manifest })}\n`)])
  yield* syncFile(next)
  yield* mayCommit()
  yield* call('rename', next, join(folder, FILE))
  yield* syncFolder(folder)
}

function parse(path: string, text: string): Manifest {
  let manifest: Partial<Manifest> | null
  try {
    manifest = JSON.parse(text)
  } catch (error) {
    throw badManifest(path, messageOf(error), error)
  }
  if (typeof manifest !== 'object' || manifest === null)
    throw badManifest(path, 'it holds no object')
  const { version, commits, parts, files, state } = manifest
  if (version !== VERSION) throw badManifest(path, `it has version ${version}, known is ${VERSION}`)
  if (!isCount(commits)) throw badManifest(path, '`commits` is no count')
  if (!isCount(parts)) throw badManifest(path, '`parts` is no count')
  if (!Array.isArray(files) || !files.every(isFile))
    throw badManifest(path, '`files` is no list of files')
  if (parts > commits) throw badManifest(path, '`parts` is above `commits`')
  for (const [at, { name }] of files.entries())
    if (!isName(name))
      throw badManifest(path, `\`files[${at}].name\` is no name inside of the folder`)
  if (typeof state !== 'object' || state === null || Array.isArray(state))
    throw badManifest(path, '`state` is no state')
  return { version, commits, parts, files, state }
}

function isCount(count: unknown): count is number {
  return Number.isSafeInteger(count) && (count as number) >= 0
}

function isFile(file: Partial<CommittedFile> | null): boolean {
  return typeof file?.temp === 'string' && isTemp(file.temp) && typeof file.name === 'string'
}

/**
 * Whether it may be the temporary name of a file: a name in the work folder that is not one of its
 * own files.
 */
function isTemp(temp: string): boolean {
  return !/[\\/\0]/.test(temp) && !['', '.', '..', FILE, NEXT_FILE, OWNER_FILE].includes(temp)
}

function badManifest(path: string, problem: string, cause?: unknown): SpindleError {
  return new SpindleError('ERR_BAD_CHECKPOINT', `${path} is not a manifest: ${problem}`, { cause })
}
