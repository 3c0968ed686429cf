import type { AnyNdArray } from '@spindle/io'
import { modelError } from '../base/errors.ts'
import { importPeer } from '../base/import-peer.ts'
import { messageOf } from '../base/message-of.ts'
import type { ModelSpec } from './batch-protocol.ts'
import type { ModelSession, SessionContext } from './define-backend.ts'

type TransformersSpec = Extract<ModelSpec, { readonly kind: 'transformers' }>

/** The part of `@huggingface/transformers` that is used. */
interface Transformers {
  pipeline(
    task: string,
    model: string,
    options: object,
  ): Promise<(batch: readonly unknown[], options: object) => Promise<unknown>>
}

/**
 * Opens a pipeline of transformers.js.
 *
 * @throws InfrastructureError `ERR_BACKEND_MISSING` if the package is not installed;
 *   `ERR_MODEL_LOAD` if it cannot open the model
 */
export async function openTransformers(
  spec: TransformersSpec,
  { threads, providers }: SessionContext,
): Promise<ModelSession<unknown, unknown>> {
  const name: string = '@huggingface/transformers'
  const library = (await importPeer(name).catch((error: unknown) => {
    throw modelError(
      'ERR_BACKEND_MISSING',
      `a pipeline of transformers.js needs ${name}, which cannot be loaded: npm install ${name} (${messageOf(error)})`,
      error,
    )
  })) as Transformers
  const devices = providers ?? [undefined]
  const notes: string[] = []
  for (const device of devices)
    try {
      const run = await library.pipeline(spec.task, spec.model, {
        session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
        ...(device === undefined ? {} : { device }),
        ...spec.options,
      })
      return {
        provider: device ?? 'transformers',
        notes,
        run: async (batch) => resultsOf(await run(batch, spec.callOptions), batch.length),
      }
    } catch (error) {
      notes.push(
        `${device === undefined ? 'it' : `device ${device}`} not used: ${messageOf(error)}`,
      )
    }
  throw modelError('ERR_MODEL_LOAD', `the pipeline cannot be opened: ${notes.join('; ')}`)
}

interface Tensor {
  readonly type: string
  readonly data: AnyNdArray['data']
  readonly dims: readonly number[]
}

/** The results of each item: rows of a tensor, or elements of an array. */
function resultsOf(output: unknown, count: number): readonly unknown[] {
  if (isTensor(output)) {
    const { type: dtype, data, dims } = output
    const [rows = 1, ...shape] = dims
    const size = data.length / rows
    return Array.from({ length: rows }, (_, i) => ({
      data: data.slice(i * size, (i + 1) * size),
      dtype,
      shape,
    }))
  }
  if (Array.isArray(output) && output.length === count) return output.map(plain)
  return [plain(output)]
}

/** Tensors within results become arrays, because their class does not reach the other side. */
function plain(value: unknown): unknown {
  if (isTensor(value))
    return { data: value.data.slice(), dtype: value.type, shape: [...value.dims] }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

function isTensor(value: unknown): value is Tensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    ArrayBuffer.isView((value as { data?: unknown }).data) &&
    Array.isArray((value as { dims?: unknown }).dims)
  )
}
