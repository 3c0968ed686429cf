import { badOption } from '../../check.ts'
import { checkObjectName, existsError, wholeKey } from './check-object.ts'
import type { ObjectWriter, StoreWriteOptions } from './object-store.ts'
import { PartWriter } from './part-writer.ts'
import { below, encodedPath, folderOf, RemoteStore } from './remote-store.ts'
import { send } from './send.ts'
import { requestPlan, type StoreOptions } from './store-options.ts'
import { type ListPage, readAzurePage } from './xml-list.ts'

const VERSION = '2023-11-03'

/**
 * A container of Azure Blob Storage: `az://account/container/folder`. Requests carry a bearer token
 * (`token`), a shared access signature in the URL (`az://account/container?sv=…&sig=…`), or what
 * `sign` adds.
 */
export class AzureStore extends RemoteStore {
  readonly #base: URL
  readonly #folder: string
  readonly #partBytes: number

  constructor(url: URL, options: StoreOptions) {
    const token = options.token
    const headers = {
      'x-ms-version': VERSION,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    super(`az://${url.hostname}${url.pathname}`, requestPlan(options, headers))
    const [, container = '', folder = ''] = /^\/([^/]*)(.*)$/.exec(url.pathname) ?? []
    if (!/^[a-z0-9$][a-z0-9-]{1,62}$/.test(container))
      badOption('url', 'with account and container: az://account/container/folder', this.url)
    const endpoint =
      options.endpoint === undefined
        ? new URL(`https://${url.hostname}.blob.core.windows.net/`)
        : below(new URL(options.endpoint), url.hostname)
    this.#base = below(endpoint, container)
    this.#base.search = url.search
    this.#folder = folderOf(folder)
    this.#partBytes = options.partBytes ?? 8 * 1024 * 1024
  }

  protected urlOf(name: string): URL {
    return below(this.#base, encodedPath(wholeKey(this.#folder, name)))
  }

  protected async page(
    prefix: string,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ListPage> {
    const url = new URL(this.#base)
    url.searchParams.set('restype', 'container')
    url.searchParams.set('comp', 'list')
    url.searchParams.set('prefix', this.#folder + prefix)
    if (token !== undefined) url.searchParams.set('marker', token)
    const { text } = await send({ method: 'GET', url, signal }, this.plan)
    const { objects, next } = readAzurePage(text)
    const inside = objects.map((info) => ({ ...info, name: info.name.slice(this.#folder.length) }))
    return { objects: inside, next }
  }

  writer(name: string, { ifAbsent = false, signal }: StoreWriteOptions = {}): ObjectWriter {
    checkObjectName(name)
    const url = this.urlOf(name)
    const condition: Record<string, string> = ifAbsent ? { 'if-none-match': '*' } : {}
    const put = async (at: URL, headers: Record<string, string>, body: Uint8Array | string) => {
      const request = { method: 'PUT', url: at, headers, body, signal, accept: [409, 412] } as const
      const answer = await send(request, this.plan)
      if (answer.status === 409 || answer.status === 412) throw existsError(this.url, name)
      return answer
    }
    const ids: string[] = []
    const upload = {
      whole: async (bytes: Uint8Array) => {
        const { headers } = await put(url, { ...condition, 'x-ms-blob-type': 'BlockBlob' }, bytes)
        const version = headers.get('etag') ?? undefined
        return { name, size: bytes.byteLength, version, modifiedMs: undefined }
      },
      part: async (number: number, bytes: Uint8Array) => {
        const id = Buffer.from(String(number).padStart(8, '0')).toString('base64')
        ids[number - 1] = id
        const at = new URL(url)
        at.searchParams.set('comp', 'block')
        at.searchParams.set('blockid', id)
        await put(at, {}, bytes)
      },
      complete: async (_: number, size: number) => {
        const at = new URL(url)
        at.searchParams.set('comp', 'blocklist')
        const blocks = ids.map((id) => `<Latest>${id}</Latest>`).join('')
        const { headers } = await put(at, condition, `<BlockList>${blocks}</BlockList>`)
        return { name, size, version: headers.get('etag') ?? undefined, modifiedMs: undefined }
      },
      // Blocks that no list names are removed by the service after a week.
      abort: async () => {},
    }
    return new PartWriter(upload, this.#partBytes)
  }
}
