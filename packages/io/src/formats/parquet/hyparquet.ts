import { missingBackend } from '../../base/errors.ts'

/** The library that reads Parquet. */
export type Hyparquet = typeof import('hyparquet')

/**
 * Loads `hyparquet` on the first call.
 *
 * @throws MediaError `ERR_BACKEND_MISSING`. The message says what to install
 */
export async function loadHyparquet(): Promise<Hyparquet> {
  try {
    return await import('hyparquet')
  } catch (error) {
    throw missingBackend('Parquet', 'hyparquet', error)
  }
}
