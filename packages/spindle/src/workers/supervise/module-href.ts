import { badOption } from '../../check.ts'
import { peek } from '../../user-code.ts'

/**
 * The URL of a module as text. `example`: a file name for the message.
 *
 * @throws `ERR_BAD_OPTION` if it is not a `file:` or `data:` URL.
 */
export function checkHref(href: unknown, example: string): string {
  // Not `instanceof`: the URL of jest and other hosts is of another realm.
  const own = peek(href, 'href')
  const text = typeof href === 'object' && typeof own === 'string' ? own : href
  if (typeof text === 'string' && /^(file|data):/.test(text)) return text
  const rule = `the URL of a module, as import.meta.resolve('${example}') or new URL('${example}', import.meta.url) gives it, or in CommonJS pathToFileURL(require.resolve('${example}'))`
  badOption('href', rule, href)
}
