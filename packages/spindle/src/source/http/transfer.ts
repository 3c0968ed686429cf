import { messageOf, SpindleError, TimeoutError } from '../../errors.ts'
import { delay } from '../../timers.ts'
import { urlForMessages } from '../../url-for-messages.ts'
import { request } from './follow.ts'
import { HttpError } from './http-error.ts'
import {
  codingOf,
  lengthOf,
  parseContentRange,
  retryAfterMs,
  totalOf,
  type Version,
  versionOf,
} from './http-fields.ts'
import { Watch } from './transfer-watch.ts'
import { causeWithoutSecrets, hideSecrets } from './without-secrets.ts'

/** Options of a transfer, checked and with defaults. */
export interface ReadPlan {
  readonly range: readonly [number, number] | undefined
  readonly retries: number
  readonly timeoutMs: number
  readonly totalTimeoutMs: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
  readonly maxBytes: number
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
  readonly fetch: typeof fetch
}

/** Tells the reader to discard the previous pieces: the transfer starts again. */
export const RESTART: unique symbol = Symbol('restart')

/** Why an attempt failed, if another may succeed. */
class Passing {
  readonly error: Error
  /** How long the server asks to wait, in milliseconds. */
  readonly waitMs: number

  constructor(error: Error, waitMs = 0) {
    this.error = error
    this.waitMs = waitMs
  }
}

/** Where the bytes of a response end, as its headers say. */
interface Promised {
  /** Position after the last byte of this response, counted from the first requested byte. */
  readonly partEnd: number | undefined
  /** Position after the last byte of the whole transfer. */
  readonly end: number | undefined
}

/**
 * Transfers one body, or a range of it, in several attempts if needed. A broken transfer continues
 * where it stopped if a strong validator and the size prove that the file is unchanged. Otherwise
 * it starts again.
 */
export class Transfer {
  /**
   * Size of the whole body, as the server reports it; `undefined` before the first response, and if
   * the server does not report it.
   */
  total: number | undefined
  /** Version of the file that the bytes belong to; `undefined` before the first response. */
  version: Version | undefined
  /** Error of the last failed attempt. */
  lastFailure: Error | undefined
  private readonly url: URL
  private readonly plan: ReadPlan
  /** First requested byte, and the position after the last, if that is known. */
  private readonly start: number
  private readonly end: number | undefined
  private received = 0
  /** Number of requested bytes that the reader has. */
  private given = 0
  /**
   * Highest number of bytes received. Only exceeding it is progress, so a transfer that keeps
   * starting again makes none.
   */
  private mostReceived = 0
  private spentMs = 0
  private visited: URL[] = []
  /** Status of the last response. */
  private status: number | undefined

  constructor(url: URL, plan: ReadPlan) {
    this.url = url
    this.plan = plan
    this.start = plan.range?.[0] ?? 0
    this.end = plan.range?.[1]
  }

  /** The pieces as they arrive, and {@link RESTART} where the pieces before are void. */
  async *pieces(): AsyncGenerator<Uint8Array | typeof RESTART, void, void> {
    const { retries, signal, minDelayMs, maxDelayMs, totalTimeoutMs } = this.plan
    let failures = 0
    for (;;) {
      signal?.throwIfAborted()
      const before = this.mostReceived
      // Without a strong validator the transfer cannot continue.
      if (this.version?.strong === undefined) this.restart()
      const outcome = yield* this.attempt()
      if (outcome === undefined) return
      this.lastFailure = outcome.error
      // Progress resets the number of failed attempts.
      failures = this.mostReceived > before ? 1 : failures + 1
      if (failures > retries) throw outcome.error
      const backoffMs = minDelayMs * 2 ** (failures - 1) * (0.5 + Math.random() / 2)
      const waitMs = Math.min(maxDelayMs, Math.max(outcome.waitMs, backoffMs))
      this.spentMs += waitMs
      if (this.spentMs >= totalTimeoutMs) throw this.expired(outcome.error)
      await this.wait(waitMs)
    }
  }

  private async wait(ms: number): Promise<void> {
    await delay(ms, this.plan.signal)
  }

  /**
   * @returns why another attempt is needed, `undefined` if none is
   * @throws errors that another attempt would not fix
   */
  private async *attempt(): AsyncGenerator<Uint8Array | typeof RESTART, Passing | undefined, void> {
    const { signal, timeoutMs, totalTimeoutMs, fetch } = this.plan
    const watch = new Watch(timeoutMs, totalTimeoutMs - this.spentMs, signal)
    this.visited = []
    this.status = undefined
    try {
      const init = { headers: this.requestHeaders(), signal: watch.signal }
      const response = await request(this.url, init, fetch, this.visited)
      watch.sign()
      try {
        yield* this.receive(response, watch)
        return undefined
      } finally {
        // A body that is not read to its end would keep its connection open. For a body that was
        // read, this does nothing.
        if (response.body?.locked === false) await response.body.cancel().catch(() => {})
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof Passing) return error
      if (error instanceof SpindleError) throw error
      if (watch.hasExpired) throw this.expired()
      if (!watch.hasStalled) return new Passing(this.fault(messageOfFetch(error), error))
      const what = `${urlForMessages(this.url)}: no sign of life for ${timeoutMs} ms`
      return new Passing(new TimeoutError(`${what} (${this.received} bytes received)`))
    } finally {
      this.spentMs += watch.end()
    }
  }

  private requestHeaders(): Record<string, string> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity', ...this.plan.headers }
    const from = this.start + this.received
    if (this.end !== undefined || this.received > 0)
      headers.range = `bytes=${from}-${this.end === undefined ? '' : this.end - 1}`
    if (this.received > 0) headers['if-range'] = this.version!.strong!
    return headers
  }

  private async *receive(
    response: Response,
    watch: Watch,
  ): AsyncGenerator<Uint8Array | typeof RESTART, void, void> {
    const { partEnd, end } = this.accept(response)
    const { maxBytes } = this.plan
    if (end !== undefined && end > maxBytes) throw this.tooLarge(end)
    const reader = response.body?.getReader()
    try {
      for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) {
        this.received += step.value.length
        this.mostReceived = Math.max(this.mostReceived, this.received)
        if (partEnd !== undefined && this.received > partEnd)
          throw this.fault(
            `it sent more than ${partEnd} bytes, which it announced or was asked for`,
          )
        if (this.received > maxBytes) throw this.tooLarge(this.received)
        watch.rest()
        yield* this.voided(this.received - step.value.length)
        this.given = this.received
        yield step.value
        watch.sign()
      }
    } finally {
      reader?.releaseLock()
    }
    if (end !== undefined && this.received < end)
      throw new Passing(this.fault(`it broke off after ${this.received} of ${end} bytes`))
    yield* this.voided(this.received)
  }

  /** Gives {@link RESTART} if the reader does not have exactly the bytes before `position`. */
  private *voided(position: number): Generator<typeof RESTART, void, void> {
    if (this.given === position) return
    this.given = 0
    yield RESTART
  }

  /**
   * Checks the status and headers of a response.
   *
   * @throws what is wrong with it
   */
  private accept(response: Response): Promised {
    const { status, headers } = response
    this.status = status
    if (status === 408 || status === 425 || status === 429 || status >= 500)
      throw new Passing(this.fault(`status ${status}`), retryAfterMs(headers))
    if (status !== 200 && status !== 206) {
      this.total = totalOf(response) ?? this.total
      throw this.fault(`status ${status}`)
    }
    const coding = codingOf(headers)
    if (coding !== undefined && (status === 206 || !this.asksForEncodings()))
      throw this.fault(
        `it sends the encoding ${coding} (Content-Encoding), which was not asked for`,
      )
    const promised = status === 206 ? this.acceptPart(response) : this.acceptWhole(headers)
    // A range counts the bytes of the plain body, but an encoded body has other bytes.
    const version = versionOf(headers)
    if (this.received === 0)
      this.version = coding === undefined ? version : { ...version, strong: undefined }
    this.total = totalOf(response) ?? this.total
    return promised
  }

  private acceptPart({ headers }: Response): Promised {
    const from = this.start + this.received
    const part = parseContentRange(headers.get('content-range'))
    if (part === undefined)
      throw this.fault('a part without a valid Content-Range: the server does not report its size')
    if (this.end === undefined && this.received === 0)
      throw this.fault('a part, though all was asked for')
    if (part.start !== from)
      throw this.fault(`the part begins at byte ${part.start}, and not at ${from}`)
    this.refuseOther(headers, part.total)
    // A range may go beyond the end; the response then ends with the file. A response may also be
    // shorter than requested; the rest is then requested.
    const total = part.total ?? this.total
    if (this.end === undefined && total === undefined) {
      this.restart()
      throw new Passing(this.fault('a part without the size of the whole, whose end is not known'))
    }
    const end = Math.min(this.end ?? Number.POSITIVE_INFINITY, total ?? Number.POSITIVE_INFINITY)
    if (part.end > end) throw this.fault(`the part ends at byte ${part.end}, and not at ${end}`)
    return {
      partEnd: part.end - this.start,
      end: (Number.isFinite(end) ? end : part.end) - this.start,
    }
  }

  /**
   * Refuses a response of another version. Some servers and caches ignore `If-Range`, so this is
   * checked here.
   */
  private refuseOther(headers: Headers, total: number | undefined): void {
    if (this.received === 0) return
    const { strong, etag } = this.version!
    const validator = etag === undefined ? headers.get('last-modified') : headers.get('etag')
    const hasOtherSize = total !== undefined && this.total !== undefined && total !== this.total
    if (validator === strong && !hasOtherSize) return
    this.restart()
    throw new Passing(this.fault('it changed while it was being read'))
  }

  /** Accepts a response with the whole body, even if only a part was requested. */
  private acceptWhole(headers: Headers): Promised {
    const hadPart = this.received > 0
    this.restart()
    if (this.plan.range !== undefined) {
      if (hadPart) throw new Passing(this.fault('it changed while it was being read'))
      throw this.fault('the server does not send ranges: it would send all')
    }
    const length = lengthOf(headers)
    return { partEnd: length, end: length }
  }

  private asksForEncodings(): boolean {
    const asked = Object.entries(this.plan.headers).find(
      ([name]) => name.toLowerCase() === 'accept-encoding',
    )
    return asked !== undefined && asked[1].trim().toLowerCase() !== 'identity'
  }

  private restart(): void {
    this.received = 0
    this.version = undefined
    this.total = undefined
  }

  private tooLarge(bytes: number): SpindleError {
    const limit = `\`maxBytes\` is ${this.plan.maxBytes}`
    return new SpindleError(
      'ERR_TOO_LARGE',
      `${urlForMessages(this.url)}: ${bytes} bytes or more; ${limit}`,
    )
  }

  private expired(cause?: Error): TimeoutError {
    const what = `${urlForMessages(this.url)}: not read within ${this.plan.totalTimeoutMs} ms`
    const received = `(\`totalTimeoutMs\`; ${this.received} bytes received)`
    return new TimeoutError(`${what} ${received}`, cause === undefined ? {} : { cause })
  }

  private fault(problem: string, error?: unknown): HttpError {
    const urls = [this.url, ...this.visited]
    const cause = error === undefined ? {} : { cause: causeWithoutSecrets(error, urls) }
    const message = `${urlForMessages(this.url)}: ${hideSecrets(problem, urls)}`
    return new HttpError(message, this.status, cause)
  }
}

/** `fetch` reports "fetch failed" and puts the reason in the cause. */
function messageOfFetch(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`
}
