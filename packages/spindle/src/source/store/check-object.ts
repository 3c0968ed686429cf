import { badOption, checkInteger } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { plain } from '../../plain-text.ts'
import type { StoreReadOptions } from './object-store.ts'

/** Longest name that S3, GCS and Azure take, in bytes of UTF-8. */
const MOST_BYTES = 1024
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/**
 * Checks the name of an object.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function checkObjectName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') badOption('name', 'a text that is not empty', name)
  if (hasControl(name)) badOption('name', 'without control characters', name)
  if (/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(name))
    badOption('name', 'without empty parts, "." and ".."', name)
  if (LONE_SURROGATE.test(name)) badOption('name', 'well-formed Unicode', name)
  const bytes = Buffer.byteLength(name)
  if (bytes > MOST_BYTES) badOption('name', `at most ${MOST_BYTES} bytes of UTF-8`, name)
}

/** The key of an object with the folder of its store. @throws `ERR_BAD_OPTION` if it is too long */
export function wholeKey(folder: string, name: string): string {
  const key = folder + name
  if (Buffer.byteLength(key) > MOST_BYTES)
    badOption('name', `at most ${MOST_BYTES} bytes of UTF-8, with the folder of the store`, key)
  return key
}

function hasControl(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

/** Checks a prefix, which may be empty and may end inside a name. @throws `ERR_BAD_OPTION` */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  if (typeof prefix !== 'string') badOption('prefix', 'a text', prefix)
  if (hasControl(prefix)) badOption('prefix', 'without control characters', prefix)
  if (/(?:^|\/)\.{1,2}\//.test(prefix)) badOption('prefix', 'without "." and ".."', prefix)
}

/** The error for an object that is there already. */
export function existsError(store: string, name: string): SpindleError {
  return new SpindleError('ERR_EXISTS', `${store}: "${plain(name)}" exists already`)
}

/** The error for an object that is missing. */
export function notFoundError(store: string, name: string, cause?: unknown): SpindleError {
  return new SpindleError('ERR_NOT_FOUND', `${store}: there is no "${plain(name)}"`, {
    cause,
  })
}

/** The range of bytes to read, at most the object. @throws `ERR_BAD_OPTION` */
export function checkRange(
  range: StoreReadOptions['range'],
  size: number,
): readonly [start: number, end: number] {
  if (range === undefined) return [0, size]
  if (!Array.isArray(range) || range.length !== 2)
    badOption('range', 'a pair of numbers of bytes', range)
  const [start, end] = range
  checkInteger('range[0]', start, 0)
  checkInteger('range[1]', end, start)
  return [Math.min(start, size), Math.min(end, size)]
}
