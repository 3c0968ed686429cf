import { SpindleError } from '../../errors.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from '../http/http-error.ts'
import { urlOf } from '../http/read-url.ts'
import { RemoteFile } from '../http/remote-file.ts'
import { checkObjectName } from './check-object.ts'
import type { ObjectInfo, ObjectWriter, StoreCallOptions } from './object-store.ts'
import { below, encodedPath, RemoteStore } from './remote-store.ts'
import { requestPlan, type StoreOptions } from './store-options.ts'
import type { ListPage } from './xml-list.ts'

/** A folder on a web server. It can be read; it cannot be listed or written. */
export class HttpStore extends RemoteStore {
  readonly #base: URL

  constructor(url: URL, options: StoreOptions) {
    const { token } = options
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    super(urlForMessages(url), requestPlan(options, headers))
    this.#base = urlOf(url)
  }

  protected urlOf(name: string): URL {
    return below(this.#base, encodedPath(name))
  }

  override async head(
    name: string,
    options: StoreCallOptions = {},
  ): Promise<ObjectInfo | undefined> {
    checkObjectName(name)
    const { headers, fetch } = this.plan
    try {
      // A request for one byte: URLs that are signed for GET refuse HEAD.
      const file = await RemoteFile.open(this.urlOf(name), {
        headers,
        fetch,
        ...(options.signal !== undefined && { signal: options.signal }),
      })
      return { name, size: file.size, version: file.validator, modifiedMs: undefined }
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return undefined
      throw error
    }
  }

  protected page(): Promise<ListPage> {
    throw this.#unsupported('listed')
  }

  writer(): ObjectWriter {
    throw this.#unsupported('written')
  }

  override delete(): Promise<void> {
    throw this.#unsupported('changed')
  }

  #unsupported(what: string): SpindleError {
    return new SpindleError(
      'ERR_UNSUPPORTED',
      `${this.url}: a web server cannot be ${what}; open a bucket (s3://, gs://, az://) or a folder instead, or give the names yourself`,
    )
  }
}
