import { basename, resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SpindleError, type WorkerOp } from 'spindle'
import type { ModelInput } from '../base/arrays.ts'
import type { ModelSpec } from '../session/batch-protocol.ts'
import type { ModelSession } from '../session/define-backend.ts'
import { type CheckedModel, checkBackend, checkOnnx } from './checked-options.ts'
import { copyOf } from './copy-of.ts'
import { type ModelOp, opOf } from './model-op.ts'
import type {
  BackendModelOptions,
  OnnxModelOptions,
  OutputNames,
  OutputsOf,
} from './model-options.ts'

/** An item that the backend cannot take as it is needs `inputs`. */
type NeedsInputs<T, I> = [T] extends [I] ? unknown : { readonly inputs: (item: T) => I }

/**
 * Makes a stage that runs a model. Sessions run in worker threads or processes, so the event loop
 * stays free. Items of several calls share a batch; each item keeps its lineage, so order, retries,
 * failure budgets, dead letters and resuming work as for any other stage. If a batch fails, it is
 * run again in halves until the item is found that fails.
 *
 * `source` is an ONNX model: a path, a `file:` URL or its bytes. Or it is a backend of
 * `defineBackend()` by reference. The `concurrency` of the stage is by default enough for two full
 * batches of each session.
 *
 * @throws SpindleError `ERR_BAD_OPTION`. The pipeline fails with `ERR_BACKEND_MISSING` or
 *   `ERR_MODEL_LOAD` if a session cannot be opened. An item fails with `ERR_MODEL_INPUT` if it does
 *   not fit the model.
 *
 * @example
 * ```ts
 * const pipeline = new PipelineBuilder()
 *   .addSource(paths)
 *   .pipe((path) => loadImage(path, { width: 224, height: 224, layout: 'CHW', normalize: {} }), { concurrency: 8 })
 *   .pipe(model('resnet50.onnx', { outputs: 'embedding', batch: { max: 16 } }))
 *   .build()
 * ```
 */
export function model<T = ModelInput, const O extends OutputNames = undefined, R = OutputsOf<O>>(
  source: string | URL | Uint8Array,
  options?: OnnxModelOptions<T, O, R> & NeedsInputs<T, ModelInput>,
): ModelOp<T, R>
export function model<S, I, O, T = I, R = O>(
  source: WorkerOp<S, ModelSession<I, O> | PromiseLike<ModelSession<I, O>>, never>,
  options?: BackendModelOptions<S, T, I, O, R> & NeedsInputs<T, I>,
): ModelOp<T, R>
export function model(
  source: string | URL | Uint8Array | Pick<WorkerOp<never, unknown>, 'href' | 'exportName'>,
  options: object = {},
): ModelOp<never, unknown> {
  const isBackend =
    typeof source === 'object' && 'exportName' in source && typeof source.href === 'string'
  return isBackend ? ofBackend(source, options) : ofOnnx(source as string, options)
}

function ofBackend(
  { href, exportName }: Pick<WorkerOp<never, unknown>, 'href' | 'exportName'>,
  options: object,
): ModelOp<never, unknown> {
  const { settings, ...checked } = checkBackend(options)
  const spec: ModelSpec = { kind: 'module', href, exportName, settings: copyOf(settings) }
  return opOf(spec, named(checked, exportName), undefined)
}

function ofOnnx(source: string | URL | Uint8Array, options: object): ModelOp<never, unknown> {
  const { outputs, runtime, sessionOptions = {}, constants = {}, ...checked } = checkOnnx(options)
  const { batch, sessions, result } = checked
  const spec: ModelSpec = {
    kind: 'onnx',
    model: sourceOf(source, sessions.kind),
    runtime,
    sessionOptions: copyOf(sessionOptions),
    stacking: { isBatched: batch !== undefined, pad: batch?.pad, constants: copyOf(constants) },
  }
  const names = typeof outputs === 'string' ? [outputs] : outputs
  const take = typeof outputs === 'string' ? one(outputs, result) : result
  const name =
    typeof spec.model === 'string' ? basename(spec.model).replace(/\.onnx$/, '') : 'model'
  return opOf(spec, named({ ...checked, result: take }, name), names)
}

function one(name: string, result: CheckedModel['result']): CheckedModel['result'] {
  const then = result as ((output: unknown, item: unknown) => unknown) | undefined
  return (outputs: Readonly<Record<string, unknown>>, item: unknown) =>
    then === undefined ? outputs[name] : then(outputs[name], item)
}

function named(checked: CheckedModel, name: string): CheckedModel & { readonly name: string } {
  return { ...checked, name: checked.name ?? name }
}

/** Threads share the bytes of a model. */
function sourceOf(source: unknown, kind: 'thread' | 'process'): string | Uint8Array {
  if (source instanceof Uint8Array) {
    if (kind === 'process') return source.slice()
    const shared = new Uint8Array(new SharedArrayBuffer(source.byteLength))
    shared.set(source)
    return shared
  }
  if (source instanceof URL && source.protocol === 'file:') return fileURLToPath(source)
  if (typeof source === 'string' && source !== '' && !/^[a-z]{2,}:/i.test(source))
    return resolvePath(source)
  if (typeof source === 'string' && source.startsWith('file:')) return fileURLToPath(source)
  throw new SpindleError(
    'ERR_BAD_OPTION',
    `\`source\` must be a path, a file: URL or the bytes of an ONNX model, or a backend of workerModule(); got ${typeof source === 'string' ? `'${source}'` : typeof source}. Download a remote model first`,
  )
}
