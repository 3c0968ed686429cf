import type { SpindleError } from '../../errors.ts'
import type { ObjectInfo, ObjectWriter } from './object-store.ts'

/** Writes an object as a whole. */
export async function createObject(
  writer: ObjectWriter,
  bytes: Uint8Array | string,
): Promise<ObjectInfo> {
  try {
    await writer.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    return await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Whether an object was made that is made only if it is absent. */
export async function isCreated(creating: Promise<ObjectInfo>): Promise<boolean> {
  try {
    await creating
    return true
  } catch (error) {
    if ((error as Partial<SpindleError>).code === 'ERR_EXISTS') return false
    throw error
  }
}
