import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { badOption } from '../check.ts'
import { WORK_FOLDER } from './manifest.ts'

const SEPARATOR = process.platform === 'win32' ? /[\\/]/ : /\//

/** Where an output lies, as an absolute path. */
export function checkFolder(directory: unknown): string {
  if (directory instanceof URL && directory.protocol === 'file:') return fileURLToPath(directory)
  if (typeof directory !== 'string' || directory === '')
    badOption('directory', 'a path or a file: URL', directory instanceof URL ? directory.href : directory)
  return resolve(directory)
}

/** Refuses what is no name of a file inside of an output's folder; gives it back. */
export function checkName(option: string, name: unknown): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0') || isAbsolute(name)) refuse(option, name)
  const segments = name.split(SEPARATOR)
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) refuse(option, name)
  if (segments[0] === WORK_FOLDER) refuse(option, name)
  return name
}

function refuse(option: string, name: unknown): never {
  badOption(option, `the path of a file relative to the folder, inside it and not in "${WORK_FOLDER}"`, name)
}
