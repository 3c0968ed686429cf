import { badOption } from '../../check.ts'
import { durationMs, func, integer, is, object, options, type Rules } from '../../options/index.ts'
import { cachedFetch } from '../http/cached-fetch.ts'
import { PieceCache } from '../http/piece-cache.ts'

/** Keys of an S3-compatible store. */
export interface StoreCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Options of {@link openStore}. */
export interface StoreOptions {
  /**
   * Keys for `s3:` and `gs:`, or a function that returns the current ones; it is called for each
   * request. Default: the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
   * `AWS_SESSION_TOKEN`; for `gs:` `GS_ACCESS_KEY_ID`, `GS_SECRET_ACCESS_KEY`). Without keys,
   * requests are not signed, as public buckets need it. Signing needs the package aws4fetch.
   */
  readonly credentials?: StoreCredentials | (() => StoreCredentials | Promise<StoreCredentials>)
  /** Region of an S3 bucket. Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, or `us-east-1`. */
  readonly region?: string
  /**
   * URL of an S3-compatible server, an Azure emulator or a mirror of the Hugging Face hub. The
   * bucket is then a part of the path. Default: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`,
   * `HF_ENDPOINT`, or the public service.
   */
  readonly endpoint?: string | URL
  /** Token for `hf:`, `gs:` and `az:`. Default for `hf:`: `HF_TOKEN`. */
  readonly token?: string
  /** Headers of each request. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Signs a request: returns one whose URL and headers are sent. It has no body. It is called for
   * each attempt.
   */
  readonly sign?: (request: Request) => Request | Promise<Request>
  /** Function that makes requests. Default: `fetch`. */
  readonly fetch?: typeof fetch
  /** Attempts after the first, an integer >= 0. Default 4. */
  readonly retries?: number
  /** Longest wait for a response or for the next bytes, in milliseconds. Default 30 000. */
  readonly timeoutMs?: number
  /** Wait before the first retry, in milliseconds, doubled each time. Default 200. */
  readonly minDelayMs?: number
  /** Longest wait before a retry, in milliseconds. Default 10 000. */
  readonly maxDelayMs?: number
  /**
   * Size of the parts in which large objects are uploaded, in bytes, at least 5 MiB for S3. Smaller
   * objects are uploaded by one request. Default 8 MiB.
   */
  readonly partBytes?: number
  /**
   * Keeps what is read in a folder of this machine, in pieces, so that later epochs and runs read
   * it from there. For each opening of an object the server is asked whether it is still the same.
   * Objects without a strong `ETag` are not kept. Default: none. Without effect for local folders.
   */
  readonly cache?: StoreCacheOptions
}

/** A folder that keeps pieces of objects, for `cache` of {@link StoreOptions}. */
export interface StoreCacheOptions {
  /** The folder. It is made when the first piece is kept. Several processes may share it. */
  readonly folder: string
  /**
   * Most bytes in the folder; what was not used for longest is removed. Default 10 000 000 000.
   */
  readonly maxBytes?: number
  /** Size of a piece, and of the requests for them, in bytes. Default 4 MiB. */
  readonly pieceBytes?: number
}

/** What all requests of a store share. */
export interface RequestPlan {
  /** Makes the requests of reads: {@link fetch}, with the cache if there is one. */
  readonly readFetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: typeof fetch
  readonly retries: number
  readonly timeoutMs: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

const storeOptions = options('StoreOptions', {
  credentials: is(
    'an object or a function',
    (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
    { isSecret: true },
  ),
  region: is(
    'the name of a region, for example us-east-1',
    (value) => typeof value === 'string' && /^[a-z0-9-]+$/i.test(value),
  ),
  endpoint: is('an http: or https: URL', isHttp),
  token: is(
    'a text without spaces',
    (value) => typeof value === 'string' && !/[^\x21-\x7e]/.test(value),
    { isSecret: true },
  ),
  headers: object({ isSecret: true }),
  sign: func(),
  fetch: func({ defaultOf: () => fetch }),
  retries: integer({ min: 0, default: 4 }),
  timeoutMs: durationMs({ orInfinity: true, default: 30_000 }),
  minDelayMs: durationMs({ default: 200 }),
  maxDelayMs: durationMs({ default: 10_000 }),
  partBytes: integer({ min: 1, default: 8 * 2 ** 20 }),
  cache: object(),
} satisfies Rules<StoreOptions>)

const cacheOptions = options('StoreCacheOptions', {
  folder: is('a path', (value) => typeof value === 'string' && value !== '', { required: true }),
  maxBytes: integer({ min: 1, default: 10_000_000_000 }),
  pieceBytes: integer({ min: 1, default: 4 * 2 ** 20 }),
} satisfies Rules<StoreCacheOptions>)

/** @throws `ERR_BAD_OPTION` */
export function checkStoreOptions(options: StoreOptions): void {
  const { credentials, cache } = storeOptions.check(options)
  if (cache !== undefined) cacheOptions.check(cache)
  if (credentials !== undefined && typeof credentials !== 'function') checkKeys(credentials)
}

/** Keys are secrets, so messages do not contain them. @throws `ERR_BAD_OPTION` */
export function checkKeys(keys: unknown): asserts keys is StoreCredentials {
  if (typeof keys !== 'object' || keys === null)
    badOption('credentials', 'an object or a function', typeof keys)
  for (const name of ['accessKeyId', 'secretAccessKey'] as const) {
    const value = (keys as Partial<StoreCredentials>)[name]
    if (typeof value !== 'string' || value === '')
      badOption(`credentials.${name}`, 'a text', typeof value)
  }
}

function isHttp(endpoint: unknown): boolean {
  const text = endpoint instanceof URL ? endpoint.href : endpoint
  return typeof text === 'string' && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

/**
 * The plan of a store's requests.
 *
 * @param sign of the store's kind; the user's `sign` comes after it
 */
export function requestPlan(
  options: StoreOptions,
  headers: Readonly<Record<string, string>>,
  sign?: (request: Request) => Request | Promise<Request>,
): RequestPlan {
  const send = options.fetch ?? fetch
  const signs = [sign, options.sign].filter((one) => one !== undefined)
  // The body is not a part of the request that is signed: a request that was copied would stream
  // it, and servers want to know its length.
  const signed = async (
    input: string | URL | Request,
    init: RequestInit = {},
  ): Promise<Response> => {
    const { body, ...bare } = init
    let request = new Request(input, bare)
    for (const one of signs) request = await one(request)
    return await send(request.url, { ...init, headers: request.headers })
  }
  const sending = signs.length === 0 ? send : (signed as typeof fetch)
  return {
    headers: { ...headers, ...options.headers },
    fetch: sending,
    readFetch: options.cache === undefined ? sending : cached(sending, options.cache),
    retries: options.retries ?? 4,
    timeoutMs: options.timeoutMs ?? 30_000,
    minDelayMs: options.minDelayMs ?? 200,
    maxDelayMs: options.maxDelayMs ?? 10_000,
  }
}

function cached(send: typeof fetch, options: StoreCacheOptions): typeof fetch {
  const { folder, maxBytes, pieceBytes } = cacheOptions.check(options)
  return cachedFetch(send, new PieceCache(folder as string, maxBytes), pieceBytes)
}
