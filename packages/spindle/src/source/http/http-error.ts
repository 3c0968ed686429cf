import { SpindleError } from '../../errors.ts'

/** A failure of a request to a web server. `code` is `'ERR_HTTP'`. */
export class HttpError extends SpindleError {
  override readonly name: string = 'HttpError'
  /** Status of the response that caused the error; `undefined` if there was no response. */
  readonly status: number | undefined

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super('ERR_HTTP', message, options)
    this.status = status
  }
}
