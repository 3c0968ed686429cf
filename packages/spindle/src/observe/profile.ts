import type { AnyBuilder, PipelineBuilder } from '../builder/builder.ts'
import { badOption } from '../check.ts'
import { checkCopy, isOf } from '../copies.ts'
import type { PipelineConfig } from '../engine/config.ts'
import { durationMs, func, integer, is, options, type Rules, signal } from '../options/index.ts'
import { profileConfig } from './profile-run.ts'
import type { ProfileOptions, ProfileResult } from './profile-types.ts'

const profileOptions = options('ProfileOptions', {
  inputs: integer({ min: 1, default: 200, unit: 'items' }),
  concurrencies: is('an array of at least one integer >= 1', areLevels, {
    default: [1, 2, 4, 8, 16, 32],
  }),
  precision: is('a number above 0 and below 1', isShare, { default: 0.05 }),
  maxMsPerLevel: durationMs({ orInfinity: true, default: 2000, unit: 'ms' }),
  onStage: func(),
  signal: signal(),
} satisfies Rules<ProfileOptions>)

function areLevels(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((level) => Number.isInteger(level) && level >= 1)
  )
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < 1
}

/**
 * Measures each stage alone, at several concurrencies. Its inputs are what the stages before it
 * made of the first items of the source; they are kept in memory. A level is repeated until its
 * rate is precise enough. Stages run where they run in the pipeline (on the event loop, in an
 * executor).
 *
 * @throws `ERR_BAD_OPTION`; errors of the source; the signal's reason.
 *
 * @example
 * ```ts
 * const result = await profilePipeline(builder, { inputs: 100 })
 * console.log(String(result))
 * ```
 */
export async function profilePipeline(
  pipeline: AnyBuilder<unknown> | PipelineConfig<unknown>,
  options: ProfileOptions = {},
): Promise<ProfileResult> {
  const isBuilder = isOf(pipeline, 'PipelineBuilder')
  if (!isBuilder && !isOf(pipeline, 'PipelineConfig'))
    badOption('pipeline', 'a PipelineBuilder or its configuration', pipeline)
  checkCopy('pipeline', pipeline, isBuilder ? 'PipelineBuilder' : 'PipelineConfig')
  const config = isBuilder
    ? (pipeline as PipelineBuilder).getConfig()
    : (pipeline as PipelineConfig)
  const settings = profileOptions.check(options)
  const concurrencies = [...new Set(settings.concurrencies)].sort((a, b) => a - b)
  return profileConfig(config, { ...settings, concurrencies })
}
