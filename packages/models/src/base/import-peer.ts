import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Imports an optional peer: as this package finds it, or else as the program's folder does. A
 * package that is linked into a project does not see the project's packages.
 */
export async function importPeer(name: string): Promise<unknown> {
  try {
    return await import(name)
  } catch (error) {
    const path = isNotFound(error) ? fromProgram(name) : undefined
    if (path === undefined) throw error
    return await import(pathToFileURL(path).href)
  }
}

/** Whether an error says that a package is not installed. */
export function isNotFound(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}

function fromProgram(name: string): string | undefined {
  try {
    return createRequire(join(process.cwd(), 'program.js')).resolve(name)
  } catch {
    return undefined
  }
}
