import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import type { ObjectInfo, ObjectWriter } from './object-store.ts'
import { below, encodedPath, folderOf, RemoteStore } from './remote-store.ts'
import { faultOf, send } from './send.ts'
import { requestPlan, type StoreOptions } from './store-options.ts'
import type { ListPage } from './xml-list.ts'

const HUB = 'https://huggingface.co'
const KINDS = ['datasets', 'models', 'spaces']

/** An entry of the hub's list of files. */
interface TreeEntry {
  readonly type: 'file' | 'directory'
  readonly path: string
  readonly size: number
  readonly oid: string
  readonly lfs?: { readonly oid: string }
}

/**
 * A repository of the Hugging Face hub, which can be read and listed:
 * `hf://datasets/owner/name@revision/folder`. Bytes are read in ranges from the hub's storage.
 */
export class HuggingFaceStore extends RemoteStore {
  readonly #files: URL
  readonly #tree: URL
  readonly #folder: string

  constructor(url: URL, options: StoreOptions) {
    const kind = url.hostname
    const [owner = '', repository = '', ...folders] = url.pathname.slice(1).split('/')
    const [name = '', revision = 'main'] = decodeURIComponent(repository).split('@')
    if (!KINDS.includes(kind) || owner === '' || name === '')
      badOption('url', 'hf://datasets/owner/name/folder, or hf://models/…', url.href)
    const token = options.token ?? process.env.HF_TOKEN
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    super(`hf://${kind}${url.pathname}`, requestPlan(options, headers))
    const hub = new URL(options.endpoint ?? process.env.HF_ENDPOINT ?? HUB)
    const place = kind === 'models' ? `${owner}/${name}` : `${kind}/${owner}/${name}`
    const at = encodeURIComponent(revision)
    this.#files = below(hub, `${place}/resolve/${at}`)
    this.#tree = below(hub, `api/${kind}/${owner}/${name}/tree/${at}`)
    this.#folder = folderOf(folders.join('/'))
  }

  protected urlOf(name: string): URL {
    return below(this.#files, encodedPath(this.#folder + name))
  }

  protected async page(
    prefix: string,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ListPage> {
    // The hub lists folders, so a prefix that ends inside a name is matched here.
    const folder = this.#folder + prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const first = below(this.#tree, encodedPath(folder.replace(/\/$/, '')))
    first.searchParams.set('recursive', 'true')
    const url = token === undefined ? first : new URL(token)
    if (url.origin !== this.#tree.origin)
      throw faultOf({ method: 'GET', url: first }, 'its list continues on another server')
    const request = { method: 'GET', url, signal, accept: [404] } as const
    const { status, headers, text } = await send(request, this.plan)
    if (status === 404 && folder !== this.#folder) return { objects: [], next: undefined }
    if (status === 404) throw faultOf(request, 'status 404', 404)
    const objects = entriesOf(text, () => faultOf(request, 'its list of files is no JSON'))
      .filter(({ type, path }) => type === 'file' && path.startsWith(this.#folder + prefix))
      .map(
        (entry): ObjectInfo => ({
          name: entry.path.slice(this.#folder.length),
          size: entry.size,
          version: `"${entry.lfs?.oid ?? entry.oid}"`,
          modifiedMs: undefined,
        }),
      )
    const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1]
    return { objects, next }
  }

  writer(): ObjectWriter {
    throw this.#readOnly()
  }

  override delete(): Promise<void> {
    throw this.#readOnly()
  }

  #readOnly(): SpindleError {
    return new SpindleError(
      'ERR_UNSUPPORTED',
      `${this.url}: a repository of the hub cannot be written; write to a folder or a bucket, and upload that`,
    )
  }
}

function entriesOf(text: string, fault: () => Error): readonly TreeEntry[] {
  try {
    const entries: unknown = JSON.parse(text)
    if (Array.isArray(entries)) return entries
  } catch {}
  throw fault()
}
