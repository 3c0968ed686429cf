import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { integer, object, options, type Rules } from '../../options/index.ts'
import type { Shard } from '../seek/source-types.ts'
import { checkShard } from './shard.ts'

/** Options of {@link rankFromEnvironment}. */
export interface RankFromEnvironmentOptions {
  /** Environment variables to read. Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Number of ranks, for environments that only contain the rank, as Kubernetes does. */
  readonly worldSize?: number
  /**
   * Result if the environment has no rank, e.g. `{ rank: 0, worldSize: 1 }` on a single machine.
   * Default: throw.
   */
  readonly fallback?: Shard
}

const rankOptions = options('RankFromEnvironmentOptions', {
  environment: object({ defaultOf: () => process.env }),
  worldSize: integer({ min: 1 }),
  fallback: object(),
} satisfies Rules<RankFromEnvironmentOptions>)

/**
 * Names of variables: which system sets them, the rank, the number of ranks. The first scheme that
 * is set counts.
 */
const SCHEMES = [
  { by: 'torchrun and others', rank: 'RANK', worldSize: 'WORLD_SIZE' },
  { by: 'Kubernetes, indexed jobs', rank: 'JOB_COMPLETION_INDEX', worldSize: 'JOB_COMPLETIONS' },
  { by: 'Slurm', rank: 'SLURM_PROCID', worldSize: 'SLURM_NTASKS' },
] as const

/**
 * Reads this process's rank and the number of ranks from the environment. It reads `RANK` and
 * `WORLD_SIZE`; `JOB_COMPLETION_INDEX` of Kubernetes, with `worldSize` or a variable
 * `JOB_COMPLETIONS` (which the job must set itself); `SLURM_PROCID` and `SLURM_NTASKS`. Spindle
 * reads none of them unless this function is called.
 *
 * @throws `ERR_NO_RANK` if none of these is set and there is no `fallback`; `ERR_BAD_OPTION` for an
 *   invalid value
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { DistributedSampler, rankFromEnvironment } from 'spindle/source'
 *
 * const shard = rankFromEnvironment({ environment: { SLURM_PROCID: '2', SLURM_NTASKS: '4' } })
 * assert.deepEqual(shard, { rank: 2, worldSize: 4 })
 * assert.deepEqual([...new DistributedSampler(10, shard)], [2, 6])
 * ```
 */
export function rankFromEnvironment(options: RankFromEnvironmentOptions = {}): Shard {
  const { environment, worldSize, fallback } = rankOptions.check(options)
  if (fallback !== undefined) checkShard({ rank: fallback.rank, worldSize: fallback.worldSize })
  const scheme = SCHEMES.find(({ rank }) => isSet(environment[rank]))
  if (scheme !== undefined) {
    const shard = {
      rank: numberOf(environment, scheme.rank),
      worldSize: worldSize ?? numberOf(environment, scheme.worldSize),
    }
    if (shard.worldSize < 1) badOption(scheme.worldSize, 'an integer >= 1', shard.worldSize)
    if (shard.rank >= shard.worldSize)
      badOption(
        scheme.rank,
        `less than the number of ranks, which is ${shard.worldSize}`,
        shard.rank,
      )
    return shard
  }
  if (fallback !== undefined) return fallback
  const names = SCHEMES.map(({ by, rank, worldSize: size }) => `${rank} and ${size} (${by})`).join(
    ', ',
  )
  throw new SpindleError(
    'ERR_NO_RANK',
    `the environment has no rank; looked for ${names}. To run alone, pass \`fallback: { rank: 0, worldSize: 1 }\``,
  )
}

function numberOf(environment: Readonly<Record<string, string | undefined>>, name: string): number {
  const text = environment[name]
  if (!isSet(text)) {
    const option = name === 'JOB_COMPLETIONS' ? ' (or the option `worldSize`)' : ''
    throw new SpindleError(
      'ERR_NO_RANK',
      `the environment has the rank but not the number of ranks: set ${name}${option}`,
    )
  }
  if (!/^\d{1,15}$/.test(text)) badOption(name, 'an integer >= 0', text)
  return Number(text)
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}
