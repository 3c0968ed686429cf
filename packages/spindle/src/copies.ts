import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { badOption } from './check.ts'
import { SpindleError } from './errors.ts'
import { packageFolder } from './file-place.ts'

// A program may contain two copies of this package: for example, one of a dependency, or one of the
// global `spindle` command besides the project's own. Their classes differ. Objects are therefore
// recognised by a mark that all copies read. Its value is the folder of the copy.

/** The classes that have a mark. */
export type Marked = 'PipelineBuilder' | 'Pipeline' | 'PipelineConfig' | 'SegmentPool'

const symbolOf = (kind: Marked): symbol => Symbol.for(`spindle.${kind}`)

/** Marks a class as one of this copy. */
export function mark(prototype: object, kind: Marked): void {
  Object.defineProperty(prototype, symbolOf(kind), { value: packageFolder })
}

/** Whether a value is an instance of the class in any copy. */
export function isOf(value: unknown, kind: Marked): boolean {
  return folderOf(value, kind) !== undefined
}

/**
 * Checks that a value is an instance of the class, from this copy or from another copy of the same
 * version, which works alike.
 *
 * @throws `ERR_OTHER_COPY` for an instance from another version; `ERR_BAD_OPTION` for anything
 *   else.
 */
export function checkCopy(option: string, value: unknown, kind: Marked, where?: string): void {
  const folder = folderOf(value, kind)
  if (folder === undefined) badOption(option, `a ${kind}`, value, where)
  if (folder !== packageFolder && versionAt(folder) !== versionAt(packageFolder))
    refuse(option, kind, folder)
}

/**
 * Checks that a value is an instance of the class from this copy, for features that need the same
 * copy.
 *
 * @throws `ERR_OTHER_COPY` for an instance from another copy; `ERR_BAD_OPTION` for anything else.
 */
export function checkOwn(option: string, value: unknown, kind: Marked): void {
  const folder = folderOf(value, kind)
  if (folder === undefined) badOption(option, `a ${kind}`, value)
  if (folder !== packageFolder) refuse(option, kind, folder)
}

function folderOf(value: unknown, kind: Marked): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const folder: unknown = (value as Record<symbol, unknown>)[symbolOf(kind)]
  return typeof folder === 'string' ? folder : undefined
}

function refuse(option: string, kind: Marked, folder: string): never {
  const copy = (at: string): string => `${at} (version ${versionAt(at)})`
  throw new SpindleError(
    'ERR_OTHER_COPY',
    `\`${option}\` is a ${kind} of another copy of spindle, that in ${copy(folder)}, and this one is in ${copy(packageFolder)}: have the program use one copy, by \`npm dedupe\` or by running the project's own \`spindle\``,
  )
}

function versionAt(folder: string): string {
  try {
    return String(
      (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown })
        .version,
    )
  } catch {
    // A bundle has no `package.json` beside it.
    return 'unknown'
  }
}
