// Checks untrusted uploads, each in a process with limits of memory and time:
import { ProcessPool, workerModule } from 'spindle'
import type * as Checks from './check-upload.ts'
import type { Verdict } from './check-upload.ts'

const MEMORY_BYTES = 1_500_000_000
const TIMEOUT_MS = 30_000

const ops = workerModule<typeof Checks>(import.meta.resolve('./check-upload.js'))

/** Checks uploads, two at a time. If a file crashes its process, the others are still checked. */
export async function checkUploads(paths: readonly string[]): Promise<Map<string, Verdict>> {
  await using pool = new ProcessPool({
    size: 2,
    init: ops.limitMemory,
    initArgs: MEMORY_BYTES,
    maxDeaths: 1, // a file that crashes a process is not tried again
  })
  const check = async (path: string): Promise<[string, Verdict]> => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const { href: filename, exportName: name } = ops.checkUpload
    try {
      return [path, (await pool.run(path, { filename, name, signal })) as Verdict]
    } catch (error) {
      return [path, { ok: false, code: (error as { code?: string }).code ?? 'ERR_TIMEOUT' }]
    }
  }
  return new Map(await Promise.all(paths.map(check)))
}

if (import.meta.url === new URL(process.argv[1] ?? '', 'file:').href) {
  console.log(await checkUploads(process.argv.slice(2)))
}
