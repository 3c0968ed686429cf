import { SpindleError } from '../../errors.ts'

/** What went wrong with a web server. `code` is `'ERR_HTTP'`. */
export class HttpError extends SpindleError {
  override readonly name: string = 'HttpError'
  /** The status of the answer that is to blame; `undefined` where there was no answer. */
  readonly status: number | undefined

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super('ERR_HTTP', message, options)
    this.status = status
  }
}
