import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf, SpindleError } from '../errors.ts'
import type { PageContent } from '../observe/page/content.ts'
import { renderPage, renderSections } from '../observe/page/page.ts'
import type { Recorder } from '../observe/recording.ts'
import { thinned } from '../observe/series.ts'
import { clearTimeout, setTimeout, type Timer } from '../timers.ts'

/** A page that is being served. */
export interface PageServer {
  readonly url: string
  /** Sends the last state to all browsers, and closes. */
  end(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
/** Browsers get every second reading: twice a second. */
const EVERY = 2
/**
 * Maximum number of points while the pipeline runs. Drawing more would take time of the pipeline's
 * own event loop.
 */
const LIVE_POINTS = 120
/** How long the last message may take, in milliseconds. */
const FAREWELL_MS = 1000

/**
 * Serves a recording's page to this machine only, and updates it by server-sent events. A page of
 * another site can make a browser send requests here, and with DNS rebinding even read the answers.
 * Such requests have that site's name in `Host` and are refused.
 *
 * @throws `ERR_BAD_OPTION` if the port is not available.
 */
export async function servePage(recorder: Recorder, port: number): Promise<PageServer> {
  const listeners = new Set<ServerResponse>()
  let hosts: readonly string[] = []
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const problem = problemWith(request, hosts)
    if (problem !== undefined) {
      const [status, words] = problem
      response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain' })
      response.end(`${words}\n`)
    } else if (request.url === '/') {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/html; charset=utf-8' })
      response.end(renderPage(liveContent(recorder), true))
    } else {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' })
      response.write(partsEvent(recorder))
      listeners.add(response)
      response.on('close', () => listeners.delete(response))
    }
  }
  const server = createServer(answer)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new SpindleError(
          'ERR_BAD_OPTION',
          `--ui cannot listen on port ${port}: ${messageOf(error)}`,
          {
            cause: error,
          },
        ),
      ),
    )
    server.listen(port, LOOPBACK, resolve)
  })
  // Open connections do not keep the process alive.
  server.unref()
  server.on('connection', (socket) => socket.unref())
  const { port: own } = server.address() as AddressInfo
  hosts = [LOOPBACK, 'localhost'].flatMap((host) =>
    own === 80 ? [host, `${host}:80`] : [`${host}:${own}`],
  )
  let readings = 0
  recorder.onReading = () => {
    if (readings++ % EVERY === 0) send(listeners, () => partsEvent(recorder))
  }
  return {
    url: `http://${LOOPBACK}:${own}/`,
    end: async () => {
      recorder.onReading = undefined
      server.close()
      const last = listeners.size > 0 ? `${partsEvent(recorder)}event: end\ndata:\n\n` : ''
      await within(
        FAREWELL_MS,
        [...listeners].map((response) => ended(response, last)),
      )
      server.closeAllConnections()
    },
  }
}

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

function problemWith(
  request: IncomingMessage,
  hosts: readonly string[],
): readonly [number, string] | undefined {
  if (!hosts.includes((request.headers.host ?? '').toLowerCase()))
    return [403, 'this page is for this machine alone']
  if (request.method !== 'GET') return [405, 'only GET']
  return request.url === '/' || request.url === '/events' ? undefined : [404, 'no such page']
}

/** Rendered once for all browsers. A browser that has not read the previous event is skipped. */
function send(listeners: ReadonlySet<ServerResponse>, render: () => string): void {
  const ready = [...listeners].filter((response) => !response.writableNeedDrain)
  if (ready.length === 0) return
  const event = render()
  for (const response of ready) response.write(event)
}

function liveContent({ content }: Recorder): PageContent {
  return { ...content, points: thinned(content.points, LIVE_POINTS) }
}

/** JSON contains no raw line breaks, so one line of data holds it. */
function partsEvent(recorder: Recorder): string {
  return `event: parts\ndata: ${JSON.stringify(renderSections(liveContent(recorder)))}\n\n`
}

function ended(response: ServerResponse, last: string): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve)
    response.end(last, () => resolve())
  })
}

/**
 * Waits for all of them, at most for the time limit. The timer keeps the process alive meanwhile.
 */
async function within(ms: number, promises: readonly Promise<void>[]): Promise<void> {
  if (promises.length === 0) return
  let timer: Timer | undefined
  await Promise.race([
    Promise.all(promises),
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    }),
  ])
  clearTimeout(timer)
}
