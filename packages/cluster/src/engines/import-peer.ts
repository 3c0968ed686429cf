import { ClusterError, messageOf } from '../errors.ts'

/**
 * Imports the client of an engine when a ledger of that engine is opened, and not before.
 *
 * @throws `ERR_BACKEND_MISSING` if it is not installed
 */
export async function importPeer<T>(
  name: string,
  engine: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new ClusterError(
      'ERR_BACKEND_MISSING',
      `a ledger on ${engine} needs the package ${name}: npm install ${name} (${messageOf(error)})`,
      { cause: error },
    )
  }
}
