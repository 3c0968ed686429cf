/** Longest URL in a message. */
const MAX_LENGTH = 200
/** What a text begins with that is a URL rather than a path. */
const URL_TEXT: RegExp = /^(?:[a-z][a-z0-9+.-]+:\/\/|data:|file:)/i

/**
 * A URL as messages show it: scheme, host and path. User name, password, query and fragment may be
 * secrets (a signed URL has its signature in the query) and are left out; `?…` and `#…` say that
 * there was one. Of a `data:` URL only its type is shown. Every message of Spindle that names a URL
 * takes it from here. A text that is not a URL comes back as it is.
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
  // Where a user name ends is not known of what cannot be parsed.
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

/** Whether a text is a URL rather than a path. */
export function isUrlText(text: string): boolean {
  return URL_TEXT.test(text)
}

/** A text with all URLs in it as messages show them. */
export function urlsForMessages(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]+:\/\/[^\s'"`<>]+/gi, urlForMessages)
}
