import { basename } from 'node:path'
import { ClusterError } from '../errors.ts'
import { checkJob } from '../job/define-job.ts'
import type { Job } from '../job/job.ts'
import type { CommandHost, CommandInput } from './command-host.ts'

/**
 * The job that a module exports, with the module's name.
 *
 * @throws `ERR_NOT_A_JOB`
 */
export async function loadJob(input: CommandInput, host: CommandHost): Promise<Job<unknown>> {
  const { subject, exportName, args } = input
  const made = await host.load(subject, exportName, args)
  const isJob = typeof made === 'object' && made !== null && 'shards' in made
  if (!isJob)
    throw new ClusterError(
      'ERR_NOT_A_JOB',
      `${subject} exports no job: \`export default defineJob({ shards, pipeline, sink })\``,
    )
  const job = { name: basename(subject).replace(/\.[cm]?[jt]s$/, ''), ...made } as Job<unknown>
  checkJob(job)
  return job
}
