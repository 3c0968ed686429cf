import { withFile } from '../files/open-file.ts'
import { runSync } from '../files/routine.ts'
import { checkSyncSource, type SyncSource } from '../files/source.ts'
import { inspectMedia, inspectPlain, probeFault } from '../video/inspect-media.ts'
import type { MediaInfo } from './probe.ts'

/**
 * The synchronous form of `probe`.
 *
 * @throws MediaError as `probe`
 */
export function probeSync(source: SyncSource): MediaInfo {
  checkSyncSource(source, 'source')
  try {
    return withFile(source, (file) => {
      const { reader } = file
      const told = runSync(inspectPlain(reader.size, source), { reader })
      return 'head' in told ? inspectMedia(file, told.head) : told
    })
  } catch (error) {
    throw probeFault(error, source)
  }
}
