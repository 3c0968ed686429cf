import { show } from '../../../check.ts'
import type { MergeConfig, PipelineConfig, SourceConfig } from '../../../engine/config.ts'
import { isOneShot } from '../../../engine/flow/open-source.ts'
import type { Pipeline } from '../../../engine/run/pipeline.ts'
import type { BuildOptions } from '../../../engine/types.ts'
import { InfrastructureError, messageOf, SpindleError } from '../../../errors.ts'
import type { SegmentPool } from '../../memory/segment-pool.ts'
import {
  type Exports,
  exportNames,
  exportOf,
  importModule,
} from '../../supervise/worker-modules.ts'
import type { StartMessage } from '../pipeline-protocol.ts'

/** The second argument of a function that a module exports. */
export interface ExportContext {
  /** The pool that was given as `arena`, attached in this thread. */
  readonly arena: SegmentPool | undefined
}

/**
 * The required part of a builder. It is structural, because the module may use another copy of the
 * package.
 */
export interface Buildable {
  build(options: BuildOptions): Pipeline<unknown>
  getConfig(): PipelineConfig
}

export type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>

/**
 * An export of a module, or the result of a function that it exports. The function is called once.
 * It is called again for each later epoch only if its result can be iterated once (a generator
 * object, or a builder with such a source).
 */
export class Export<M> {
  readonly #name: string
  readonly #href: string
  readonly #exported: unknown
  readonly #args: unknown
  readonly #context: ExportContext
  readonly #check: (made: unknown, what: string) => M
  readonly #isOneShot: (made: M) => boolean
  #made: M
  #isFresh = true

  private constructor(
    { name, href, exported, args, context, check, isOneShot }: ExportParts<M>,
    made: unknown,
  ) {
    this.#name = name
    this.#href = href
    this.#exported = exported
    this.#args = args
    this.#context = context
    this.#check = check
    this.#isOneShot = isOneShot
    this.#made = check(made, this.#what)
  }

  static async load<M>(parts: ExportParts<M>): Promise<Export<M>> {
    return new Export(parts, await make(parts))
  }

  get made(): M {
    return this.#made
  }

  /**
   * What to iterate in the next epoch.
   *
   * @throws `ERR_BAD_SOURCE` if it was iterated already and can be only once.
   */
  async forEpoch(): Promise<M> {
    if (this.#isFresh || !this.#isOneShot(this.#made)) {
      this.#isFresh = false
      return this.#made
    }
    if (typeof this.#exported !== 'function') {
      throw new SpindleError(
        'ERR_BAD_SOURCE',
        `${this.#what} can be iterated only once, and this is the next iteration: export a function that makes it, or give it a source that can be iterated again`,
      )
    }
    const made = await make({
      name: this.#name,
      href: this.#href,
      exported: this.#exported,
      args: this.#args,
      context: this.#context,
    })
    this.#made = this.#check(made, this.#what)
    return this.#made
  }

  get #what(): string {
    const called = typeof this.#exported === 'function' ? 'what the function makes that is ' : ''
    return `${called}export ${this.#name} of ${this.#href}`
  }
}

interface Found {
  readonly name: string
  readonly href: string
  readonly exported: unknown
  readonly args: unknown
  readonly context: ExportContext
}

interface ExportParts<M> extends Found {
  /** Throws if it is not of the required kind. */
  check(made: unknown, what: string): M
  isOneShot(made: M): boolean
}

/**
 * Loads a module that exports a builder.
 *
 * @throws `ERR_WORKER_MODULE`, `ERR_WORKER_START`, `ERR_NOT_A_PIPELINE`.
 */
export async function loadBuilder(
  startMessage: StartMessage,
  context: ExportContext,
): Promise<Export<Buildable>> {
  const found = await find(startMessage, context, ['default', 'pipeline'])
  return Export.load({
    ...found,
    check: toBuildable,
    isOneShot: (made) => hasOneShot(made.getConfig().source),
  })
}

/**
 * Loads a module that exports an iterable.
 *
 * @throws `ERR_WORKER_MODULE`, `ERR_WORKER_START`, `ERR_NOT_ITERABLE`.
 */
export async function loadIterable(
  startMessage: StartMessage,
  context: ExportContext,
): Promise<Export<AnyIterable>> {
  const found = await find(startMessage, context, ['default', 'items'])
  return Export.load<AnyIterable>({ ...found, check: toIterable, isOneShot })
}

async function find(
  { href, exportName, args }: StartMessage,
  context: ExportContext,
  usual: readonly string[],
): Promise<Found> {
  const exports = await importModule(href)
  const names = exportName === undefined ? usual : [exportName]
  const name = names.find((candidate) => isMeant(exports, candidate, usual))
  if (name !== undefined) return { name, href, exported: exportOf(exports, name), args, context }
  const has = exportNames(exports)
  throw new InfrastructureError(
    'ERR_WORKER_MODULE',
    `there is no export ${names.join(' or ')} in ${href}; it exports ${has}`,
  )
}

/**
 * Whether there is such an export. The `default` of a CommonJS module is all of its exports and
 * does not count as one of them.
 */
function isMeant(exports: Exports, name: string, usual: readonly string[]): boolean {
  const exported = exportOf(exports, name)
  if (
    exported === undefined ||
    name !== 'default' ||
    typeof exported !== 'object' ||
    exported === null
  )
    return exported !== undefined
  return Symbol.iterator in exported || Symbol.asyncIterator in exported || 'build' in exported
    ? true
    : !usual.some((other) => Object.hasOwn(exported, other))
}

async function make({ name, href, exported, args, context }: Found): Promise<unknown> {
  if (typeof exported !== 'function') return exported
  try {
    return (await (exported as (args: unknown, context: ExportContext) => unknown)(
      args,
      context,
    )) as unknown
  } catch (error) {
    throw new InfrastructureError(
      'ERR_WORKER_START',
      `export ${name} of ${href} failed when it was called: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

function toBuildable(made: unknown, what: string): Buildable {
  const candidate = made as Partial<Buildable> | null | undefined
  if (typeof candidate?.build === 'function' && typeof candidate.getConfig === 'function')
    return candidate as Buildable
  const isBuilt =
    typeof (candidate as Partial<Pipeline<unknown>> | undefined)?.forEach === 'function'
  const advice = isBuilt ? '; leave .build() to Spindle, which builds it anew for each epoch' : ''
  throw new SpindleError(
    'ERR_NOT_A_PIPELINE',
    `${what} is not a PipelineBuilder but ${show(made)}${advice}`,
  )
}

function toIterable(made: unknown, what: string): AnyIterable {
  const candidate = made as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined
  if (
    typeof candidate?.[Symbol.asyncIterator] === 'function' ||
    typeof candidate?.[Symbol.iterator] === 'function'
  )
    return candidate as AnyIterable
  throw new SpindleError('ERR_NOT_ITERABLE', `${what} cannot be iterated: it is ${show(made)}`)
}

/** Whether any source of a graph can be iterated only once. */
function hasOneShot(start: SourceConfig | MergeConfig): boolean {
  return start.kind === 'source'
    ? isOneShot(start.source)
    : start.inputs.some((input) => hasOneShot(input.source))
}

/** Whether the sources of a graph continue forever, epoch after epoch. */
export function isContinuous(start: SourceConfig | MergeConfig): boolean {
  return start.kind === 'source'
    ? start.continuous
    : start.inputs.some((input) => isContinuous(input.source))
}
