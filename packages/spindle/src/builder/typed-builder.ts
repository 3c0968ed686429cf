import type { Source } from '../engine/types.ts'
import { PipelineBuilder as Builder } from './builder.ts'
import type { SourceOptions, StageTypeError } from './builder-types.ts'

/**
 * Describes a pipeline, stage by stage. A builder is immutable: each method returns a new builder,
 * and each `build()` makes an independent pipeline. `T` is the type of the output so far.
 *
 * @interface
 */
export type PipelineBuilder<T = never> = Builder<T>

/** What `new PipelineBuilder()` gives: the source comes first. */
export interface BuilderWithoutSource {
  /** See {@link PipelineBuilder}. */
  addSource(
    source: string,
    options?: SourceOptions,
  ): StageTypeError<'addSource() takes no string, whose items would be its characters'>
  addSource<S>(
    source: Source<S>,
    options?: SourceOptions,
  ): PipelineBuilder<Exclude<Awaited<S>, undefined>>
  toString(): string
}

/**
 * The constructor of builders. Its type is what keeps a pipeline without a source from compiling.
 */
export interface PipelineBuilderConstructor {
  new (): BuilderWithoutSource
  readonly prototype: PipelineBuilder<unknown>
}

/** Makes pipelines; see the type {@link PipelineBuilder}. */
export const PipelineBuilder: PipelineBuilderConstructor =
  Builder as unknown as PipelineBuilderConstructor
