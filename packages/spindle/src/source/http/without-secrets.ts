import { inspect } from 'node:util'
import { urlForMessages } from '../../url-for-messages.ts'

/** Shorter parts of a query are common words rather than secrets. */
const MIN_SECRET = 6
/** How many levels of causes are followed. */
const MAX_DEPTH = 8

/** A text without the secrets of URLs. */
export function hideSecrets(text: string, urls: Iterable<URL>): string {
  let shown = text
  for (const url of urls) {
    shown = shown.replaceAll(url.href, urlForMessages(url))
    for (const secret of secretsOf(url)) shown = shown.replaceAll(secret, '…')
  }
  return shown
}

/**
 * An error that is safe to keep as a cause: the same error if it contains no secret, otherwise a
 * copy. `fetch`, or the function given in its place, may put the whole URL into messages and
 * properties.
 */
export function causeWithoutSecrets(error: unknown, urls: readonly URL[]): unknown {
  if (!urls.some(({ search, hash }) => search !== '' || hash !== '')) return error
  const all = inspect(error, { depth: MAX_DEPTH })
  return hideSecrets(all, urls) === all ? error : copy(error, urls, 0)
}

function copy(error: unknown, urls: readonly URL[], depth: number): unknown {
  if (!(error instanceof Error)) return hideSecrets(inspect(error, { depth: 1 }), urls)
  const cause =
    error.cause === undefined || depth === MAX_DEPTH
      ? undefined
      : copy(error.cause, urls, depth + 1)
  const copied = new Error(hideSecrets(error.message, urls), cause === undefined ? {} : { cause })
  copied.name = error.name
  copied.stack = hideSecrets(String(error.stack), urls)
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? Object.assign(copied, { code }) : copied
}

function secretsOf({ search, hash, searchParams }: URL): string[] {
  const parts = [search.slice(1), hash.slice(1), ...searchParams.values()]
  return parts.filter((part) => part.length >= MIN_SECRET).sort((a, b) => b.length - a.length)
}
