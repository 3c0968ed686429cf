import { SpindleError, TimeoutError } from '../../errors.ts'
import { delay } from '../../timers.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { HttpError } from '../http/http-error.ts'
import { retryAfterMs } from '../http/http-fields.ts'
import { Watch } from '../http/transfer-watch.ts'
import { causeWithoutSecrets, hideSecrets } from '../http/without-secrets.ts'
import type { RequestPlan } from './store-options.ts'

/** Longest answer of a server to anything but a read: a page of a list. */
const MOST_ANSWER_BYTES = 32 * 1024 * 1024

/** A request to a store, other than a read. */
export interface StoreRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly signal?: AbortSignal | undefined
  /** Statuses that are answers rather than errors, besides 2xx. */
  readonly accept?: readonly number[]
}

/** The answer to a {@link StoreRequest}. */
export interface StoreAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Number of requests that were made; after the first one, an earlier one may have succeeded. */
  readonly attempts: number
}

/**
 * Makes a request, and repeats it while it fails for reasons that may pass: connections that fail
 * or stall, and the statuses 408, 409 (a conflict of two writes), 425, 429 and 5xx.
 *
 * @throws HttpError; `ERR_TIMEOUT`; the reason of the signal
 */
export async function send(request: StoreRequest, plan: RequestPlan): Promise<StoreAnswer> {
  const { signal, accept = [] } = request
  for (let attempts = 1; ; attempts++) {
    signal?.throwIfAborted()
    let fault: Error
    let waitMs = 0
    try {
      const answer = await attempt(request, plan)
      const { status, headers } = answer
      if ((status >= 200 && status < 300) || accept.includes(status)) return { ...answer, attempts }
      fault = faultOf(request, `status ${status}${reasonOf(answer.text)}`, status)
      if (![408, 409, 425, 429].includes(status) && status < 500) throw fault
      waitMs = retryAfterMs(headers)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof HttpError && error.status !== undefined) throw error
      fault = error as Error
    }
    if (attempts > plan.retries) throw fault
    const backoffMs = plan.minDelayMs * 2 ** (attempts - 1) * (0.5 + Math.random() / 2)
    await delay(Math.min(plan.maxDelayMs, Math.max(waitMs, backoffMs)), signal)
  }
}

async function attempt(
  request: StoreRequest,
  plan: RequestPlan,
): Promise<Omit<StoreAnswer, 'attempts'>> {
  const { method, url, body } = request
  const watch = new Watch(plan.timeoutMs, Number.POSITIVE_INFINITY, request.signal)
  try {
    const response = await plan.fetch(url, {
      method,
      headers: { ...plan.headers, ...request.headers },
      signal: watch.signal,
      redirect: 'manual',
      ...(body !== undefined && { body: body as string }),
    })
    watch.sign()
    const text = await textOf(response, request, watch)
    return { status: response.status, headers: response.headers, text }
  } catch (error) {
    if (error instanceof SpindleError) throw error
    if (watch.hasStalled)
      throw new TimeoutError(
        `${urlForMessages(url)}: no answer for ${plan.timeoutMs} ms (\`timeoutMs\`)`,
      )
    throw faultOf(request, causeText(error), undefined, error)
  } finally {
    watch.end()
  }
}

async function textOf(response: Response, request: StoreRequest, watch: Watch): Promise<string> {
  if (response.body === null) return ''
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body) {
    watch.sign()
    size += piece.byteLength
    if (size > MOST_ANSWER_BYTES)
      throw new SpindleError(
        'ERR_TOO_LARGE',
        `${urlForMessages(request.url)}: the answer has more than ${MOST_ANSWER_BYTES} bytes`,
      )
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** The error of a request. Its message contains no secrets. */
export function faultOf(
  { method, url }: Pick<StoreRequest, 'method' | 'url'>,
  problem: string,
  status?: number,
  error?: unknown,
): HttpError {
  const cause = error === undefined ? {} : { cause: causeWithoutSecrets(error, [url]) }
  const what = method === 'GET' ? '' : `${method} `
  return new HttpError(
    `${what}${urlForMessages(url)}: ${hideSecrets(problem, [url])}`,
    status,
    cause,
  )
}

/** The code and message that S3, GCS and Azure put into the body of an error. */
function reasonOf(text: string): string {
  const [code, message] = ['Code', 'Message'].map((name) =>
    new RegExp(`<${name}>([^<]{1,300})</${name}>`).exec(text)?.[1]?.trim(),
  )
  return [code, message]
    .filter((part) => part !== undefined)
    .map((part) => `, ${part}`)
    .join('')
}

function causeText(error: unknown): string {
  const texts: string[] = []
  for (let at: unknown = error; at instanceof Error && texts.length < 3; at = at.cause)
    texts.push(at.message)
  return texts.length === 0 ? String(error) : texts.join(': ')
}
