import { randomUUID } from 'node:crypto'
import { badOption } from '../../check.ts'
import { checkObjectName, existsError, notFoundError, wholeKey } from './check-object.ts'
import type { ObjectInfo, ObjectWriter, StoreWriteOptions } from './object-store.ts'
import { PartWriter, type Upload } from './part-writer.ts'
import { below, encodedPath, folderOf, infoFrom, RemoteStore } from './remote-store.ts'
import { faultOf, type StoreAnswer, send } from './send.ts'
import { s3Signer } from './sign-s3.ts'
import { type RequestPlan, requestPlan, type StoreOptions } from './store-options.ts'
import { element, elements, encoded, type ListPage, readS3Page } from './xml-list.ts'

/** Smallest part that S3 takes, but for the last. */
const LEAST_PART = 5 * 1024 * 1024
/** Names the upload in the object's metadata, so that a lost answer can be told from a failure. */
const MARK = 'x-amz-meta-spindle-upload'

/** Opens a bucket of S3, or of a server with the same interface. */
export function openS3(url: URL, options: StoreOptions): S3Store {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env
  const region = options.region ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? 'us-east-1'
  const endpoint = options.endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL
  const bucket = bucketOf(url)
  // Certificates of the public service cover one label, so names with dots go into the path.
  const base =
    endpoint !== undefined
      ? below(new URL(endpoint), bucket)
      : bucket.includes('.')
        ? new URL(`https://s3.${region}.amazonaws.com/${bucket}`)
        : new URL(`https://${bucket}.s3.${region}.amazonaws.com/`)
  const sign = s3Signer(options, 'AWS_', region)
  return new S3Store(url, base, requestPlan(options, {}, sign), options.partBytes)
}

/** Opens a bucket of Google Cloud Storage by its S3-compatible interface. */
export function openGcs(url: URL, options: StoreOptions): S3Store {
  const endpoint = options.endpoint ?? 'https://storage.googleapis.com'
  const base = below(new URL(endpoint), bucketOf(url))
  const token = options.token ?? process.env.GOOGLE_OAUTH_ACCESS_TOKEN
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const sign = token === undefined ? s3Signer(options, 'GS_', 'auto') : undefined
  return new S3Store(url, base, requestPlan(options, headers, sign), options.partBytes, true)
}

function bucketOf({ hostname }: URL): string {
  if (!/^[a-z0-9][a-z0-9._-]{1,221}$/.test(hostname))
    badOption('url', 'with the name of a bucket: s3://bucket/folder', hostname)
  return hostname
}

/** A bucket, or a folder of it. */
export class S3Store extends RemoteStore {
  readonly #base: URL
  readonly #folder: string
  readonly #partBytes: number
  readonly #isGcs: boolean

  constructor(
    url: URL,
    base: URL,
    plan: RequestPlan,
    partBytes: number = 8 * 1024 * 1024,
    isGcs = false,
  ) {
    if (partBytes < LEAST_PART)
      badOption('partBytes', `an integer >= ${LEAST_PART} for this store`, partBytes)
    super(`${url.protocol}//${url.hostname}${url.pathname}`, plan)
    this.#base = base
    this.#folder = folderOf(url.pathname)
    this.#partBytes = partBytes
    this.#isGcs = isGcs
  }

  protected urlOf(name: string): URL {
    return below(this.#base, encodedPath(wholeKey(this.#folder, name)))
  }

  protected async page(
    prefix: string,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ListPage> {
    const url = below(this.#base, '')
    url.searchParams.set('list-type', '2')
    url.searchParams.set('prefix', this.#folder + prefix)
    if (token !== undefined) url.searchParams.set('continuation-token', token)
    const { text } = await send({ method: 'GET', url, signal }, this.plan)
    const { objects, next } = readS3Page(text)
    const inside = objects
      .filter(({ name }) => name.startsWith(this.#folder) && !name.endsWith('/'))
      .map((info) => ({ ...info, name: info.name.slice(this.#folder.length) }))
    return { objects: inside, next }
  }

  writer(name: string, options: StoreWriteOptions = {}): ObjectWriter {
    checkObjectName(name)
    return new PartWriter(this.#upload(name, options), this.#partBytes)
  }

  /** Ends the uploads in parts that crashed writers left, which cost money until then. */
  override async discardUnfinished(prefix: string): Promise<void> {
    const url = below(this.#base, '')
    url.searchParams.set('uploads', '')
    url.searchParams.set('prefix', this.#folder + prefix)
    const { text, status } = await send({ method: 'GET', url, accept: [400, 501] }, this.plan)
    if (status !== 200) return
    for (const upload of elements(text, 'Upload')) {
      const [name, id] = [element(upload, 'Key'), element(upload, 'UploadId')]
      if (name === undefined || id === undefined) continue
      const target = below(this.#base, encodedPath(name))
      target.searchParams.set('uploadId', id)
      await send({ method: 'DELETE', url: target, accept: [404] }, this.plan)
    }
  }

  #upload(name: string, { ifAbsent = false, signal }: StoreWriteOptions): Upload {
    const url = this.urlOf(name)
    const mark = randomUUID()
    const tags: string[] = []
    let id: Promise<string> | undefined
    const absent = this.#isGcs ? { 'x-goog-if-generation-match': '0' } : { 'if-none-match': '*' }
    const condition: Record<string, string> = ifAbsent ? absent : {}

    const start = async (): Promise<string> => {
      const at = withQuery(url, { uploads: '' })
      const request = { method: 'POST', url: at, headers: { [MARK]: mark }, signal } as const
      const { text } = await send(request, this.plan)
      const found = element(text, 'UploadId')
      if (found === undefined) throw faultOf(request, 'the answer has no UploadId')
      return found
    }
    /** Of a request that may have been made twice: whether the object is what it wrote. */
    const isOurs = async (): Promise<Headers | undefined> => {
      const { status, headers } = await send(
        { method: 'HEAD', url, signal, accept: [404] },
        this.plan,
      )
      return status !== 404 && headers.get(MARK) === mark ? headers : undefined
    }
    const outcome = async (answer: StoreAnswer, size: number): Promise<ObjectInfo> => {
      if (answer.status === 412 || answer.status === 404) {
        const headers = answer.attempts > 1 ? await isOurs() : undefined
        if (headers !== undefined) return infoFrom(name, size, headers)
        if (answer.status === 412) throw existsError(this.url, name)
        throw notFoundError(this.url, `the upload of ${name}`)
      }
      const etag = element(answer.text, 'ETag') ?? answer.headers.get('etag') ?? undefined
      return { name, size, version: etag, modifiedMs: undefined }
    }
    return {
      whole: async (bytes) => {
        const headers = { ...condition, [MARK]: mark, 'content-length': String(bytes.byteLength) }
        const request = { method: 'PUT', url, headers, body: bytes, signal, accept: [412] } as const
        return await outcome(await send(request, this.plan), bytes.byteLength)
      },
      part: async (number, bytes) => {
        id ??= start()
        const at = withQuery(url, { partNumber: String(number), uploadId: await id })
        const request = { method: 'PUT', url: at, body: bytes, signal } as const
        const { headers } = await send(request, this.plan)
        const tag = headers.get('etag')
        if (tag === null) throw faultOf(request, 'the answer has no ETag')
        tags[number - 1] = tag
      },
      complete: async (_, size) => {
        const at = withQuery(url, { uploadId: (await id) as string })
        const parts = tags.map(
          (tag, index) =>
            `<Part><PartNumber>${index + 1}</PartNumber><ETag>${encoded(tag)}</ETag></Part>`,
        )
        const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
        const headers = { ...condition, 'content-type': 'application/xml' }
        const accept = [404, 412]
        const request = { method: 'POST', url: at, headers, body, signal, accept } as const
        const answer = await send(request, this.plan)
        // S3 may find an error after it has begun the answer, with status 200.
        if (answer.status === 200 && answer.text.includes('<Error>'))
          throw faultOf(request, `the parts were not joined, ${element(answer.text, 'Code')}`)
        return await outcome(answer, size)
      },
      abort: async () => {
        if (id === undefined) return
        const at = withQuery(url, { uploadId: await id })
        await send({ method: 'DELETE', url: at, accept: [404] }, this.plan)
      },
    }
  }
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const target = new URL(url)
  for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value)
  return target
}
