/** Longest URL in a message, in characters. */
const MAX_LENGTH = 200
/** The beginning of a text that is a URL and not a path. */
const URL_TEXT: RegExp = /^(?:[a-z][a-z0-9+.-]+:\/\/|data:|file:)/i

/**
 * A URL in the form for messages: scheme, host and path. User name, password, query and fragment
 * may be secrets (the query of a signed URL has its signature) and are left out; `?…` and `#…` show
 * that they exist. Of a `data:` URL only the type is shown. Every message of Spindle that names a
 * URL uses this function. Text that is not a URL is returned unchanged.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { urlForMessages } from 'spindle/source'
 *
 * assert.equal(urlForMessages('https://me:secret@example.org/a.tar?signature=secret#part'), 'https://example.org/a.tar?…#…')
 * ```
 */
export function urlForMessages(url: string | URL): string {
  const text = typeof url === 'string' ? url : url.href
  const scheme = URL_TEXT.exec(text)?.[0]
  if (scheme === undefined) return text
  // In an invalid URL, the end of the user name cannot be found.
  if (!URL.canParse(text)) return `${scheme}…`
  const [place = ''] = text.split(/[?#]/, 1)
  const rest = text.slice(place.length)
  if (/^data:/i.test(text)) return `${place.split(',', 1)[0]!.slice(0, 60)},…`
  const shown = place.replace(/^([^:/]+:\/\/)[^/\\]*@/, '$1')
  const query = rest.startsWith('?') ? '?…' : ''
  const fragment = rest.includes('#') ? '#…' : ''
  const short = shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown
  return `${short}${query}${fragment}`
}

/** Whether a text is a URL and not a path. */
export function isUrlText(text: string): boolean {
  return URL_TEXT.test(text)
}

/** The text with all its URLs in the form for messages. */
export function urlsForMessages(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]+:\/\/[^\s'"`<>]+/gi, urlForMessages)
}
