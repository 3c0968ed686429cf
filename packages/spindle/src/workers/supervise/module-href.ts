import { badOption } from '../../check.ts'

/**
 * The URL of a module as text. `example`: a file that the message names.
 *
 * @throws `ERR_BAD_OPTION` if it is no URL of a file or of data.
 */
export function checkHref(href: unknown, example: string): string {
  const text = href instanceof URL ? href.href : href
  if (typeof text === 'string' && /^(file|data):/.test(text)) return text
  const rule = `the URL of a module, as import.meta.resolve('${example}') or new URL('${example}', import.meta.url) gives it, or in CommonJS pathToFileURL(require.resolve('${example}'))`
  badOption('href', rule, href)
}
