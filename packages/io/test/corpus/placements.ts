import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { PipelineBuilder, ProcessPool, ThreadPool, workerModule, workers } from 'spindle'
import type { MediaError } from '../../src/index.ts'
import type * as Ops from './ops.ts'
import { type CorpusFile, type Loaded, load, loadShared } from './ops.ts'

const ops = workerModule<typeof Ops>(new URL('./ops.js', import.meta.url).href)

/**
 * For each file of a corpus, in its order, what came of it: a digest of its arrays, or the code and
 * the message of its failure.
 */
export type Outcomes = readonly string[]

/** Every place where files can be loaded. */
export const PLACEMENTS: Record<string, (files: readonly CorpusFile[]) => Promise<Outcomes>> = {
  'inline, synchronously': (files) => through(files, (source) => source.pipe(load, loading)),
  'in the shared threads': (files) => through(files, (source) => source.pipe(loadShared, loading)),
  'in threads of its own': async (files) => {
    await using executor = new ThreadPool({ size: 2 })
    return await through(files, (source) => source.pipe(ops.load, { ...loading, executor }))
  },
  'in processes': async (files) => {
    await using executor = new ProcessPool({ size: 2 })
    return await through(files, (source) => source.pipe(ops.load, { ...loading, executor }))
  },
  'in a region of threads': (files) =>
    through(files, (source) => source.to(workers({ count: 2 })).pipe(ops.load, loading)),
  'in a region of processes': (files) =>
    through(files, (source) =>
      source.to(workers({ count: 2, kind: 'process' })).pipe(ops.load, loading),
    ),
}

const loading = { name: 'load', concurrency: 4, maxFailures: Infinity } as const

/** Whether a file could not be loaded. */
export function isFailure(outcome: string): boolean {
  return outcome.startsWith('ERR_')
}

async function through(
  files: readonly CorpusFile[],
  build: (source: PipelineBuilder<CorpusFile>) => PipelineBuilder<Loaded>,
): Promise<Outcomes> {
  const outcomes: string[] = []
  const tell = (index: number, outcome: string): void => {
    assert.equal(outcomes[index], undefined, `file ${index} came out twice`)
    outcomes[index] = outcome
  }
  await using pipeline = build(new PipelineBuilder().addSource(files)).build({
    onItemError: ({ index, error }) => tell(index, named(error, files[index]!)),
    logger: { warn() {}, error() {} }, // each failure is looked at above
    loopGuard: false, // inline, the loop is held on purpose
  })
  for await (const { index, parts } of pipeline) tell(index, digest(parts))
  const { tasks, failures } = pipeline.stats().stages.find(({ name }) => name === 'load')!
  const failed = outcomes.filter(isFailure).length
  assert.deepEqual(
    { tasks, failures, outcomes: outcomes.length },
    { tasks, failures: failed, outcomes: files.length },
  )
  return outcomes
}

function digest(parts: Loaded['parts']): string {
  const hash = createHash('sha1')
  for (const { data, shape, path } of parts) {
    const count = shape.reduce((product, length) => product * length, 1)
    assert.equal(data.length, count)
    hash.update(`${path} ${data.constructor.name} ${shape}\n`)
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex')
}

/**
 * @throws AssertionError unless the failure is one that the documentation knows, and names its
 * source
 */
function named(error: unknown, { bytes }: CorpusFile): string {
  const { name, code, message } = error as MediaError
  assert.ok(['MediaError', 'ArchiveError'].includes(name), String((error as Error).stack))
  assert.match(code, /^ERR_(DECODE|UNSUPPORTED|TOO_LARGE)$/, message)
  assert.ok(message.startsWith(`${bytes.length} bytes: `), message)
  // A compressed archive is decompressed as a whole or as it goes: what is found first differs.
  if (bytes[0] === 0x1f) return code
  return `${code} ${message}`
}
