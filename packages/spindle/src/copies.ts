import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { badOption } from './check.ts'
import { SpindleError } from './errors.ts'
import { packageFolder } from './file-place.ts'

// A program may have two copies of this package: that of a global `spindle` command and the
// project's, that of a dependency and its own. Their classes differ, so what crosses from one to
// the other is known by a mark that all copies read, which says where its own copy is.

/** What is known by a mark. */
export type Marked = 'PipelineBuilder' | 'Pipeline' | 'PipelineConfig' | 'SegmentPool'

const symbolOf = (kind: Marked): symbol => Symbol.for(`spindle.${kind}`)

/** Marks a class as this copy's. */
export function mark(prototype: object, kind: Marked): void {
  Object.defineProperty(prototype, symbolOf(kind), { value: packageFolder })
}

/** Whether something is of a class, whichever copy's. */
export function isOf(value: unknown, kind: Marked): boolean {
  return folderOf(value, kind) !== undefined
}

/**
 * Checks that something is of a class, of this copy or of another one of the same version, which
 * works alike.
 *
 * @throws `ERR_OTHER_COPY` for one of another version; `ERR_BAD_OPTION` for anything else
 */
export function checkCopy(option: string, value: unknown, kind: Marked, where?: string): void {
  const folder = folderOf(value, kind)
  if (folder === undefined) badOption(option, `a ${kind}`, value, where)
  if (folder !== packageFolder && versionAt(folder) !== versionAt(packageFolder))
    refuse(option, kind, folder)
}

/** The same for what works with its own copy only. */
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
    // A bundle has no manifest beside it.
    return 'unknown'
  }
}
