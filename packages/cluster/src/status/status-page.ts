import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Ledger } from '../contract/ledger.ts'
import type { LedgerStatus } from '../contract/status.ts'
import { ClusterError, messageOf } from '../errors.ts'
import { clockMs } from '../timers.ts'
import { pageHtml } from './page-html.ts'

/** A page that is being served. */
export interface StatusPage {
  readonly url: string
  close(): void
}

const LOOPBACK = '127.0.0.1'
/** All browsers share a look at the ledger for that long. */
const FRESH_MS = 900

/**
 * Serves a page about an epoch and its workers, to this machine only. A request that names another
 * host is refused: a page of another site could reach this one by DNS rebinding.
 *
 * @param port 0: any free port
 * @throws `ERR_BAD_OPTION` if the port is not available
 */
export async function serveStatus(ledger: Ledger, port: number): Promise<StatusPage> {
  let hosts: readonly string[] = []
  let look: { readonly atMs: number; readonly status: Promise<LedgerStatus> } | undefined
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const send = (status: number, type: string, body: string, csp = "default-src 'none'"): void => {
      response.writeHead(status, {
        'content-type': `${type}; charset=utf-8`,
        'content-security-policy': csp,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.end(body)
    }
    if (!hosts.includes((request.headers.host ?? '').toLowerCase()))
      return send(403, 'text/plain', 'this page is for this machine alone\n')
    if (request.method !== 'GET') return send(405, 'text/plain', 'only GET\n')
    if (request.url === '/') {
      const nonce = randomBytes(16).toString('base64')
      const own = `'nonce-${nonce}'`
      const csp = `default-src 'none'; connect-src 'self'; script-src ${own}; style-src ${own}`
      return send(200, 'text/html', pageHtml(nonce), csp)
    }
    if (request.url !== '/status.json') return send(404, 'text/plain', 'no such page\n')
    if (look === undefined || clockMs() - look.atMs > FRESH_MS)
      look = { atMs: clockMs(), status: ledger.status() }
    try {
      send(200, 'application/json', JSON.stringify(await look.status))
    } catch (error) {
      look = undefined
      send(503, 'text/plain', `${messageOf(error)}\n`)
    }
  }
  const server = createServer((request, response) => void answer(request, response))
  server.listen(port, LOOPBACK)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new ClusterError(
      'ERR_BAD_OPTION',
      `--ui cannot listen on port ${port}: ${messageOf(error)}`,
      { cause: error },
    )
  }
  // Open connections do not keep the process alive.
  server.unref()
  server.on('connection', (socket) => socket.unref())
  const { port: own } = server.address() as AddressInfo
  hosts = [LOOPBACK, 'localhost'].map((host) => (own === 80 ? host : `${host}:${own}`))
  return {
    url: `http://${LOOPBACK}:${own}/`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
