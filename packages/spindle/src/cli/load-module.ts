import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PipelineBuilder, rebuilt } from '../builder/builder.ts'
import type { PipelineConfig } from '../engine/config.ts'
import { graphOf, Pipeline } from '../engine/run/pipeline.ts'
import type { Sink } from '../engine/sink.ts'
import type { BuildOptions } from '../engine/types.ts'
import { messageOf, SpindleError } from '../errors.ts'
import { canStripTypes, isTypeScript, registerTsx } from '../workers/supervise/typescript.ts'
import { ownFolder } from './local-copy.ts'

/** What `spindle run` gets from a module. */
export interface Loaded {
  readonly pipeline: Pipeline<unknown>
  /** Name of the source's items: the module's export `unit`, default `'items'`. */
  readonly unit: string
  /** Whether another copy of this package has made the pipeline. */
  readonly isOther: boolean
  /** Where the results are written: the module's export `sink`. */
  readonly sink: Sink<unknown, unknown> | undefined
}

/** What `spindle profile` gets from a module. */
export interface LoadedConfig {
  readonly config: PipelineConfig<unknown>
  readonly isOther: boolean
}

/**
 * Imports a module and makes the pipeline that it exports.
 *
 * @throws `ERR_MODULE` if there is no such module or export.
 */
export async function loadPipeline(
  file: string,
  exportName: string | undefined,
  args: readonly string[],
  isTuned: boolean,
): Promise<Loaded> {
  const { name, made, unit, sink } = await loadExport(file, exportName, args)
  const options: BuildOptions = isTuned ? { tune: 'continuous' } : {}
  if (made instanceof Pipeline) {
    const pipeline = made as Pipeline<unknown>
    return { pipeline: isTuned ? tuned(pipeline, file) : pipeline, unit, isOther: false, sink }
  }
  if (made instanceof PipelineBuilder)
    return { pipeline: made.build(options), unit, isOther: false, sink }
  // Objects of another copy of the package have other classes, but the same methods.
  if (hasMethod(made, 'build'))
    return { pipeline: made.build(options) as Pipeline<unknown>, unit, isOther: true, sink }
  if (hasMethod(made, 'report') && made.constructor.name === Pipeline.name) {
    if (isTuned) throw otherCopy('--tune', undefined)
    return { pipeline: made as unknown as Pipeline<unknown>, unit, isOther: true, sink }
  }
  const isJob = typeof made === 'object' && made !== null && 'shards' in made
  throw new SpindleError(
    'ERR_MODULE',
    isJob
      ? `export ${name} of ${file} is a job: add a place for its progress, as in --ledger ./run`
      : `export ${name} of ${file} is not a PipelineBuilder, a Pipeline, or a function that makes one`,
  )
}

/**
 * The same pipeline with tuning.
 *
 * @throws `ERR_MODULE` if it has already begun.
 */
function tuned(made: Pipeline<unknown>, file: string): Pipeline<unknown> {
  const { isStarted, config, options } = graphOf(made as Pipeline<never>)
  if (isStarted)
    throw new SpindleError(
      'ERR_MODULE',
      `--tune: the pipeline that ${file} exports has already started: export its builder, or build it with { tune: 'continuous' }`,
    )
  void made.stop()
  return rebuilt(config, { ...options, tune: 'continuous' })
}

/**
 * Imports a module and returns the configuration of the pipeline that it exports.
 *
 * @throws `ERR_MODULE` if there is no such module or export.
 */
export async function loadConfig(
  file: string,
  exportName: string | undefined,
  args: readonly string[],
): Promise<LoadedConfig> {
  const { name, made } = await loadExport(file, exportName, args)
  if (made instanceof PipelineBuilder) return { config: made.getConfig(), isOther: false }
  if (made instanceof Pipeline) return { config: made.config, isOther: false }
  if (hasMethod(made, 'getConfig'))
    return { config: made.getConfig() as PipelineConfig<unknown>, isOther: true }
  throw new SpindleError(
    'ERR_MODULE',
    `export ${name} of ${file} is not a PipelineBuilder or a function that makes one`,
  )
}

/**
 * Imports a module and makes what it exports: a function is called with the arguments.
 *
 * @throws `ERR_MODULE` if there is no such module or export.
 */
export async function loadExport(
  file: string,
  exportName: string | undefined,
  args: readonly string[],
): Promise<{
  readonly name: string
  readonly made: unknown
  readonly unit: string
  readonly sink: Sink<unknown, unknown> | undefined
}> {
  const path = resolve(file)
  if (!existsSync(path)) throw new SpindleError('ERR_MODULE', `there is no file ${path}`)
  if (isTypeScript(path) && !canRunTypeScript()) await loadTsx(path)
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  const names = exportName === undefined ? ['default', 'pipeline', 'job'] : [exportName]
  const name = names.find((candidate) => module[candidate] !== undefined)
  if (name === undefined) {
    const has = Object.keys(module).join(', ') || 'nothing'
    throw new SpindleError(
      'ERR_MODULE',
      `${file} has no export ${names.join(' or ')}; it exports ${has}`,
    )
  }
  const exported = module[name]
  const made: unknown = typeof exported === 'function' ? await exported([...args]) : exported
  const sink = await sinkOf(module.sink, file, args)
  return { name, made, unit: typeof module.unit === 'string' ? module.unit : 'items', sink }
}

async function sinkOf(
  exported: unknown,
  file: string,
  args: readonly string[],
): Promise<Sink<unknown, unknown> | undefined> {
  if (exported === undefined) return undefined
  const sink: unknown = typeof exported === 'function' ? await exported([...args]) : exported
  if (hasMethod(sink, 'open')) return sink as unknown as Sink<unknown, unknown>
  throw new SpindleError(
    'ERR_MODULE',
    `export sink of ${file} is not a sink, such as jsonlShards() makes, or a function that makes one`,
  )
}

function hasMethod<M extends string>(
  value: unknown,
  name: M,
): value is { [name in M]: (...args: unknown[]) => unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly [name: string]: unknown })[name] === 'function'
  )
}

/** The error for features that only work with pipelines of this copy of the package. */
export function otherCopy(what: string, cause: unknown): SpindleError {
  return new SpindleError(
    'ERR_MODULE',
    `${what} cannot look into this pipeline: another copy of spindle has made it, and this command belongs to ${ownFolder}. Import that copy in the module, or use the command of the other copy`,
    { cause },
  )
}

function canRunTypeScript(): boolean {
  return canStripTypes() || process.execArgv.some((arg) => arg.includes('tsx'))
}

async function loadTsx(path: string): Promise<void> {
  try {
    await registerTsx(path)
  } catch (error) {
    throw new SpindleError(
      'ERR_MODULE',
      `${path} is TypeScript, which Node ${process.versions.node} does not run: install tsx beside it, or use Node >= 22.18 (${messageOf(error)})`,
    )
  }
}
