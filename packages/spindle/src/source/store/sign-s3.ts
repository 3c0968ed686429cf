import { InfrastructureError, messageOf } from '../../errors.ts'
import { checkKeys, type StoreCredentials, type StoreOptions } from './store-options.ts'

/** The part of aws4fetch that is used. */
interface AwsClient {
  sign(input: Request): Promise<Request>
}

/**
 * A function that signs requests for S3 (AWS Signature Version 4), by the package aws4fetch;
 * `undefined` without keys, for public buckets.
 *
 * @param prefix of the environment variables with the keys
 */
export function s3Signer(
  { credentials }: StoreOptions,
  prefix: string,
  region: string,
): ((request: Request) => Promise<Request>) | undefined {
  const keys = credentials ?? keysFromEnvironment(prefix)
  if (keys === undefined) return undefined
  let client: { readonly keys: StoreCredentials; readonly client: AwsClient } | undefined
  return async (request) => {
    const current = typeof keys === 'function' ? await keys() : keys
    checkKeys(current)
    if (client === undefined || !isSame(client.keys, current))
      client = { keys: current, client: await clientOf(current, region) }
    return await client.client.sign(request)
  }
}

function keysFromEnvironment(prefix: string): StoreCredentials | undefined {
  const [accessKeyId, secretAccessKey, sessionToken] = [
    process.env[`${prefix}ACCESS_KEY_ID`],
    process.env[`${prefix}SECRET_ACCESS_KEY`],
    process.env[`${prefix}SESSION_TOKEN`],
  ]
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

function isSame(a: StoreCredentials, b: StoreCredentials): boolean {
  return (
    a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken
  )
}

async function clientOf(keys: StoreCredentials, region: string): Promise<AwsClient> {
  let library: { AwsClient: new (options: object) => AwsClient }
  try {
    library = (await import('aws4fetch')) as unknown as typeof library
  } catch (error) {
    throw new InfrastructureError(
      'ERR_BACKEND_MISSING',
      `signed requests to a store need the package aws4fetch (MIT): npm install aws4fetch (${messageOf(error)})`,
      { cause: error },
    )
  }
  const { accessKeyId, secretAccessKey, sessionToken } = keys
  return new library.AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    service: 's3',
    region,
    retries: 0,
  })
}
