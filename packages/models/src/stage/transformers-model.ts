import type { ModelSpec } from '../session/batch-protocol.ts'
import { checkTransformers } from './checked-options.ts'
import { copyOf } from './copy-of.ts'
import { type ModelOp, opOf } from './model-op.ts'
import type { TransformersOptions } from './model-options.ts'

/**
 * Makes a stage of a pipeline of transformers.js: `pipeline(task, model)`, called with batches of
 * items. Tensors become arrays `{ data, dtype, shape }`. `providers` are its devices. `O` is the
 * type of an item's result.
 *
 * @param model name or folder of the model, as transformers.js finds it
 * @throws SpindleError `ERR_BAD_OPTION`. The pipeline fails with `ERR_BACKEND_MISSING` or
 *   `ERR_MODEL_LOAD`.
 *
 * @example
 * ```ts
 * const embed = transformersModel<string, NdArray<'float32'>>('feature-extraction', './MiniLM', {
 *   callOptions: { pooling: 'mean', normalize: true },
 * })
 * ```
 */
export function transformersModel<I = unknown, O = unknown, T = I, R = O>(
  task: string,
  model: string,
  given: TransformersOptions<T, I, O, R> = {},
): ModelOp<T, R> {
  const { pipelineOptions, callOptions, ...checked } = checkTransformers(given)
  const spec: ModelSpec = {
    kind: 'transformers',
    task,
    model,
    options: copyOf(pipelineOptions ?? {}),
    callOptions: copyOf(callOptions ?? {}),
  }
  return opOf(spec, { ...checked, name: checked.name ?? task }, undefined)
}
