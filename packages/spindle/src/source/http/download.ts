import { messageOf, SpindleError, TimeoutError } from '../../errors.ts'
import { delay } from '../../timers.ts'
import { parseContentRange, retryAfterMs, totalOf, validatorOf } from './fields.ts'
import type { ReadPlan } from './read-url.ts'
import { Watch } from './watch.ts'

/** Why an attempt failed, where another may succeed. */
class Passing {
  readonly error: Error
  /** What the server asks to wait. */
  readonly waitMs: number

  constructor(error: Error, waitMs = 0) {
    this.error = error
    this.waitMs = waitMs
  }
}

/** One body, or a range of it, in as many attempts as it takes. */
export class Download {
  /** How many bytes there are in all, as the server says; `undefined` before it has, and where it does not. */
  total: number | undefined
  /** By which the server tells whether it still has the same. */
  validator: string | undefined
  private readonly url: URL
  private readonly plan: ReadPlan
  /** First byte wanted, and the one after the last, if that is known. */
  private readonly start: number
  private readonly end: number | undefined
  private pieces: Uint8Array[] = []
  private received = 0

  constructor(url: URL, plan: ReadPlan) {
    this.url = url
    this.plan = plan
    this.start = plan.range?.[0] ?? 0
    this.end = plan.range?.[1]
  }

  async run(): Promise<Buffer> {
    const { retries, signal, minDelayMs, maxDelayMs } = this.plan
    let failures = 0
    for (;;) {
      signal?.throwIfAborted()
      const before = this.received
      const outcome = await this.attempt()
      if (outcome === undefined) return this.joined()
      // What moves on does not use up its attempts.
      failures = this.received > before ? 1 : failures + 1
      if (failures > retries) throw outcome.error
      const backoffMs = minDelayMs * 2 ** (failures - 1) * (0.5 + Math.random() / 2)
      await this.wait(Math.min(maxDelayMs, Math.max(outcome.waitMs, backoffMs)))
    }
  }

  /** In memory of its own, which can be transferred: what `fetch` gives, and `Buffer.concat`, shares its memory with others. */
  private joined(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.received)
    let at = 0
    for (const piece of this.pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }

  private async wait(ms: number): Promise<void> {
    const { signal } = this.plan
    await delay(ms, signal)
  }

  /** @returns why another attempt is needed, `undefined` if none is. @throws what another attempt would not better */
  private async attempt(): Promise<Passing | undefined> {
    const { signal, timeoutMs, fetch } = this.plan
    const watch = new Watch(timeoutMs, signal)
    // A server that cannot tell whether it is still the same cannot go on.
    if (this.validator === undefined) this.restart()
    try {
      const response = await fetch(this.url, { headers: this.requestHeaders(), signal: watch.signal })
      watch.sign()
      try {
        await this.receive(response, watch)
        return undefined
      } finally {
        // A body that is not read to its end would keep its connection. Of one that was, this does nothing.
        if (response.body?.locked === false) await response.body.cancel().catch(() => {})
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof Passing) return error
      if (error instanceof SpindleError) throw error
      if (!watch.hasStalled) return new Passing(this.fault(messageOfFetch(error), error))
      const what = `${this.url.href}: no sign of life for ${timeoutMs} ms`
      return new Passing(new TimeoutError(`${what} (${this.received} bytes received)`))
    } finally {
      watch.end()
    }
  }

  private requestHeaders(): Record<string, string> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity', ...this.plan.headers }
    const from = this.start + this.received
    if (this.end !== undefined || this.received > 0)
      headers.range = `bytes=${from}-${this.end === undefined ? '' : this.end - 1}`
    if (this.received > 0) headers['if-range'] = this.validator!
    return headers
  }

  private async receive(response: Response, watch: Watch): Promise<void> {
    const { status, headers } = response
    this.total = totalOf(response) ?? this.total
    if (status === 408 || status === 425 || status === 429 || status >= 500)
      throw new Passing(this.fault(`status ${status}`), retryAfterMs(headers))
    if (status !== 200 && status !== 206) throw this.fault(`status ${status}`)
    const expected = status === 206 ? this.expectPart(headers) : this.expectWhole(headers)
    if (this.received === 0) this.validator = validatorOf(headers)
    const { maxBytes } = this.plan
    if (expected !== undefined && expected > maxBytes) throw this.tooLarge(expected)
    const reader = response.body?.getReader()
    try {
      for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) {
        watch.sign()
        this.pieces.push(step.value)
        this.received += step.value.length
        if (expected !== undefined && this.received > expected)
          throw this.fault(`it sent more than ${expected} bytes, which it announced or was asked for`)
        if (this.received > maxBytes) throw this.tooLarge(this.received)
      }
    } finally {
      reader?.releaseLock()
    }
    if (expected !== undefined && this.received < expected)
      throw new Passing(this.fault(`it broke off after ${this.received} of ${expected} bytes`))
  }

  /** @returns how many bytes there will be, those received before included */
  private expectPart(headers: Headers): number {
    const from = this.start + this.received
    const part = parseContentRange(headers.get('content-range'))
    if (part === undefined) throw this.fault('a part without a valid Content-Range')
    if (this.end === undefined && this.received === 0) throw this.fault('a part, though all was asked for')
    if (part.start !== from) throw this.fault(`the part begins at byte ${part.start}, and not at ${from}`)
    // A range may be asked for that goes beyond the end: then comes what there is. A part may also be shorter than it could be: the rest is asked for.
    const end = Math.min(this.end ?? Number.POSITIVE_INFINITY, part.total ?? Number.POSITIVE_INFINITY)
    if (part.end > end) throw this.fault(`the part ends at byte ${part.end}, and not at ${end}`)
    return (Number.isFinite(end) ? end : part.end) - this.start
  }

  /** All comes, though perhaps only a part was asked for. */
  private expectWhole(headers: Headers): number | undefined {
    const hadPart = this.received > 0
    this.restart()
    if (this.plan.range !== undefined) {
      if (hadPart) throw new Passing(this.fault('it changed while it was being read'))
      throw this.fault('the server does not send ranges: it would send all')
    }
    const length = headers.get('content-length')
    return length === null || headers.has('content-encoding') ? undefined : Number(length)
  }

  private restart(): void {
    this.pieces = []
    this.received = 0
    this.validator = undefined
  }

  private tooLarge(bytes: number): SpindleError {
    const limit = `\`maxBytes\` is ${this.plan.maxBytes}`
    return new SpindleError('ERR_TOO_LARGE', `${this.url.href}: ${bytes} bytes or more; ${limit}`)
  }

  private fault(problem: string, cause?: unknown): SpindleError {
    return new SpindleError('ERR_HTTP', `${this.url.href}: ${problem}`, cause === undefined ? {} : { cause })
  }
}

/** `fetch` says "fetch failed", and has the reason as the cause. */
function messageOfFetch(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`
}
