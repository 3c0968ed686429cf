import { ClusterError } from '../errors.ts'

/** Where a ledger of a server is. */
export interface ServerPlace {
  /** The URL for the client, with its secrets, without what Spindle reads from it. */
  readonly connection: string
  /** The URL for people: without password, with the ledger's name. */
  readonly shown: string
  /** Name of the ledger on this server. */
  readonly name: string
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Reads the URL of a ledger on a server: `redis://host:6379/0?ledger=captions`. Without a name the
 * ledger is called `spindle`.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function serverPlace(text: string): ServerPlace {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.hostname === '')
    throw new ClusterError('ERR_BAD_OPTION', `\`ledger\` must be a URL with a host, got "${text}"`)
  const name = url.searchParams.get('ledger') ?? 'spindle'
  if (!NAME.test(name))
    throw new ClusterError(
      'ERR_BAD_OPTION',
      `the ledger's name must consist of 1 to 64 letters, digits, "_" and "-", got "${name}"`,
    )
  url.searchParams.delete('ledger')
  const connection = url.href
  url.password = ''
  url.search = ''
  url.searchParams.set('ledger', name)
  return { connection, shown: url.href, name }
}
