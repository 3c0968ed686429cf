import { join } from 'node:path'
import { messageOf, SpindleError } from '../errors.ts'
import { call, type FileWork, isMissing, makeFile, syncFile, syncFolder } from './file-work.ts'
import { isName } from './names.ts'

const FILE = 'manifest.json'
const NEXT_FILE = 'manifest.next'
/** Who has the folder. */
export const OWNER_FILE = 'owner'
const VERSION = 1

/** What the last commit said: the one thing that tells what is committed. */
export interface Manifest {
  readonly version: number
  /** Commits so far. */
  readonly commits: number
  /** Parts so far: those of lower numbers are committed. */
  readonly parts: number
  /**
   * Files of the last commit, which get their names after it, and those of earlier ones that could
   * not get theirs.
   */
  readonly files: readonly CommittedFile[]
  readonly state: object
}

/** A file that is complete under the name `temp` in the work folder, and is to be called `name`. */
export interface CommittedFile {
  readonly temp: string
  readonly name: string
}

/**
 * The manifest of an output's work folder; `undefined` before the first commit. @throws
 * `ERR_BAD_CHECKPOINT`
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
 * Puts a manifest in the place of the one before. It is on the disk when it ends; whoever is
 * stopped on the way leaves the old or the new one.
 *
 * @param mayCommit is asked last of all
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
 * Whether it may be the passing name of a file: a name in the work folder that is none of its own
 * files.
 */
function isTemp(temp: string): boolean {
  return !/[\\/\0]/.test(temp) && !['', '.', '..', FILE, NEXT_FILE, OWNER_FILE].includes(temp)
}

function badManifest(path: string, problem: string, cause?: unknown): SpindleError {
  return new SpindleError('ERR_BAD_CHECKPOINT', `${path} is no manifest: ${problem}`, { cause })
}
