import { fileURLToPath } from 'node:url'
import { badOption } from '../../check.ts'
import { AzureStore } from './azure-store.ts'
import { HttpStore } from './http-store.ts'
import { HuggingFaceStore } from './hugging-face-store.ts'
import { LocalStore } from './local-store.ts'
import type { ObjectStore } from './object-store.ts'
import { openGcs, openS3 } from './s3-store.ts'
import { checkStoreOptions, type StoreOptions } from './store-options.ts'

const RULE = 'a folder, or a URL of s3:, gs:, az:, hf:, https:, http: or file:'

/**
 * Opens a store of objects. Nothing is read or written before the first call.
 *
 * | URL | what |
 * |---|---|
 * | `./folder`, `file:///folder` | a local folder, made when it is written |
 * | `s3://bucket/folder` | S3, or a server with its interface (`endpoint`) |
 * | `gs://bucket/folder` | Google Cloud Storage, with HMAC keys or a `token` |
 * | `az://account/container/folder` | Azure Blob Storage, with a `token`, a signature in the URL, or `sign` |
 * | `hf://datasets/owner/name@revision/folder` | a repository of the Hugging Face hub; read only |
 * | `https://host/folder` | a web server; read only, without a list |
 *
 * @throws `ERR_BAD_OPTION`
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openStore } from 'spindle/source'
 *
 * const store = openStore(mkdtempSync(join(tmpdir(), 'store-')))
 * await store.create('a/hello.txt', 'hello')
 * assert.equal(await store.createIfAbsent('a/hello.txt', 'other'), false)
 * assert.equal((await store.read('a/hello.txt', { range: [1, 3] })).toString(), 'el')
 * const names: string[] = []
 * for await (const { name } of store.list('a/')) names.push(name)
 * assert.deepEqual(names, ['a/hello.txt'])
 * ```
 */
export function openStore(url: string | URL, options: StoreOptions = {}): ObjectStore {
  checkStoreOptions(options)
  if (typeof url === 'string' && !/^[a-z][a-z0-9+.-]+:\/\//i.test(url)) {
    if (url === '') badOption('url', RULE, url)
    return new LocalStore(url)
  }
  if (!(url instanceof URL) && (typeof url !== 'string' || !URL.canParse(url)))
    badOption('url', RULE, url)
  const parsed = new URL(url)
  switch (parsed.protocol) {
    case 'file:':
      return new LocalStore(fileURLToPath(parsed))
    case 's3:':
      return openS3(parsed, options)
    case 'gs:':
      return openGcs(parsed, options)
    case 'az:':
      return new AzureStore(parsed, options)
    case 'hf:':
      return new HuggingFaceStore(parsed, options)
    case 'http:':
    case 'https:':
      return new HttpStore(parsed, options)
    default:
      return badOption('url', RULE, url)
  }
}
