import type { Ledger } from '../contract/ledger.ts'
import type { ShardOutput } from '../contract/progress.ts'
import type { Job } from '../job/job.ts'

/**
 * Ends a job whose shards are all done or dead: writes the list of all outputs into the sink's
 * place. While there are dead shards it writes nothing, because they may be tried again.
 *
 * @returns the number of dead shards
 */
export async function finishJob(ledger: Ledger, job: Job<unknown>): Promise<number> {
  let dead = 0
  for await (const { isDead } of ledger.results()) if (isDead) dead++
  if (dead === 0 && 'sink' in job) await job.sink.shared!.finish(outputsOf(ledger))
  return dead
}

async function* outputsOf(ledger: Ledger): AsyncGenerator<ShardOutput, void, void> {
  for await (const { outputs } of ledger.results()) yield* outputs
}
