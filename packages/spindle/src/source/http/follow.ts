import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from './http-error.ts'

/** The limit of `fetch`. */
const MAX_REDIRECTS = 20
/** Headers that are not sent to another origin. */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization']

/** The parts of a request. */
interface RequestInit {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Whether a URL contains a user name or a password, which `fetch` refuses. */
export function hasCredentials({ username, password }: URL): boolean {
  return username !== '' || password !== ''
}

/**
 * Makes a request and follows redirects. `fetch` would report a bad redirect and a failed
 * connection with errors that differ only in their text, and retrying a bad redirect is useless.
 *
 * @param visited receives the URLs that were requested
 * @throws HttpError for redirects that lead nowhere; errors of `fetch`
 */
export async function request(
  url: URL,
  { headers, signal }: RequestInit,
  fetch: typeof globalThis.fetch,
  visited: URL[],
): Promise<Response> {
  let place = url
  let sent = headers
  for (;;) {
    visited.push(place)
    const response = await fetch(place, { headers: sent, signal, redirect: 'manual' })
    const location = response.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response
    await response.body?.cancel().catch(() => {})
    const next = targetOf(location, place, url, visited)
    if (next.origin !== place.origin) sent = withoutCredentials(sent)
    place = next
  }
}

function targetOf(location: string, from: URL, first: URL, visited: readonly URL[]): URL {
  const refuse = (problem: string): never => {
    throw new HttpError(`${urlForMessages(first)}: ${problem}`)
  }
  if (!URL.canParse(location, from.href)) return refuse('it redirects to an invalid URL')
  const next = new URL(location, from)
  next.hash ||= from.hash
  const shown = urlForMessages(next)
  if (!/^https?:$/.test(next.protocol))
    return refuse(`it redirects to ${shown}; only http: and https: are followed`)
  if (hasCredentials(next)) return refuse(`it redirects to ${shown} with a user name or password`)
  if (visited.some(({ href }) => href === next.href))
    return refuse(`it redirects in a loop, to ${shown}`)
  if (visited.length > MAX_REDIRECTS) return refuse(`it redirects more than ${MAX_REDIRECTS} times`)
  return next
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !CREDENTIALS.includes(name.toLowerCase())),
  )
}
