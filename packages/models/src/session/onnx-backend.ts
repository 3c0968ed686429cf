import type { AnyNdArray } from '@spindle/io'
import type { ModelFeeds, ModelInput } from '../base/arrays.ts'
import { itemError, modelError } from '../base/errors.ts'
import { importPeer, isNotFound } from '../base/import-peer.ts'
import { messageOf } from '../base/message-of.ts'
import type { ModelSpec, OnnxRuntime } from './batch-protocol.ts'
import type { ModelSession, SessionContext } from './define-backend.ts'
import { feedsOf, splitOutputs, stackFeeds } from './stack-arrays.ts'

type OnnxSpec = Extract<ModelSpec, { readonly kind: 'onnx' }>

/** The part of onnxruntime's API that is used, the same in all of its packages. */
interface Ort {
  readonly env: { readonly wasm?: { numThreads?: number } }
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: object): Promise<OrtSession>
  }
  readonly Tensor: new (dtype: string, data: unknown, shape: readonly number[]) => OrtTensor
}

interface OrtSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: object, fetches: readonly string[]): Promise<Record<string, OrtTensor>>
}

interface OrtTensor {
  readonly type: string
  readonly data: AnyNdArray['data']
  readonly dims: readonly number[]
  getData?(): Promise<AnyNdArray['data']>
}

const RUNTIMES: readonly OnnxRuntime[] = ['onnxruntime-node', 'onnxruntime-web']

/**
 * Opens an ONNX model by onnxruntime.
 *
 * @throws InfrastructureError `ERR_BACKEND_MISSING` if the package is not installed;
 *   `ERR_MODEL_LOAD` if it cannot open the model, or has no such output
 */
export async function openOnnx(
  spec: OnnxSpec,
  context: SessionContext,
): Promise<ModelSession<ModelInput, ModelFeeds>> {
  const { ort, name } = await loadRuntime(spec.runtime)
  const isWeb = name === 'onnxruntime-web'
  if (isWeb && ort.env.wasm !== undefined) ort.env.wasm.numThreads = context.threads
  const { session, provider, notes } = await create(ort, spec, context, isWeb ? 'wasm' : 'cpu')
  const { stacking } = spec
  const fetches = fetchesOf(session, context.outputs)
  const inputNames = session.inputNames.filter((name) => !(name in stacking.constants))
  return {
    provider,
    notes,
    async run(batch) {
      const feeds = stackFeeds(
        batch.map((input) => feedsOf(input, inputNames)),
        stacking,
      )
      const outputs = await session.run(tensorsOf(ort, feeds, session.inputNames), fetches)
      const arrays: Record<string, AnyNdArray> = {}
      for (const name of fetches) arrays[name] = await arrayOf(outputs[name] as OrtTensor)
      return splitOutputs(arrays, batch.length, stacking.isBatched)
    },
  }
}

async function loadRuntime(
  wanted: OnnxRuntime | undefined,
): Promise<{ readonly ort: Ort; readonly name: OnnxRuntime }> {
  const names = wanted === undefined ? RUNTIMES : [wanted]
  let cause: unknown
  for (const name of names)
    try {
      const module = (await importPeer(name)) as Ort & { readonly default?: Ort }
      const ort = module.InferenceSession === undefined ? (module.default as Ort) : module
      return { ort, name }
    } catch (error) {
      cause ??= error
      if (isNotFound(error)) continue
      cause = error
      break
    }
  throw modelError(
    'ERR_BACKEND_MISSING',
    `an ONNX model needs ${names.join(' or ')}, which cannot be loaded: install it with npm install ${names[0]} (${messageOf(cause)})`,
    cause,
  )
}

interface Created {
  readonly session: OrtSession
  readonly provider: string
  readonly notes: readonly string[]
}

/** Tries the providers in their order. The CPU is the last one, unless others were asked for. */
async function create(
  ort: Ort,
  spec: OnnxSpec,
  context: SessionContext,
  byDefault: string,
): Promise<Created> {
  const { threads, providers } = context
  const notes: string[] = []
  for (const provider of providers ?? [byDefault])
    try {
      const session = await ort.InferenceSession.create(bytesOf(spec.model), {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        ...spec.sessionOptions,
        executionProviders: [provider],
      })
      return { session, provider, notes }
    } catch (error) {
      notes.push(`provider ${provider} not used: ${messageOf(error)}`)
    }
  throw modelError('ERR_MODEL_LOAD', `the model cannot be opened: ${notes.join('; ')}`)
}

/** Runtimes want memory of their own, while workers share the bytes. */
function bytesOf(model: string | Uint8Array): string | Uint8Array {
  return typeof model === 'string' ? model : new Uint8Array(model)
}

function fetchesOf({ outputNames }: OrtSession, wanted = outputNames): readonly string[] {
  const missing = wanted.find((name) => !outputNames.includes(name))
  if (missing === undefined) return wanted
  throw modelError(
    'ERR_MODEL_LOAD',
    `the model has no output '${missing}'; its outputs are ${outputNames.join(', ')}`,
  )
}

function tensorsOf(
  ort: Ort,
  feeds: ModelFeeds,
  names: readonly string[],
): Record<string, OrtTensor> {
  const tensors: Record<string, OrtTensor> = {}
  for (const [name, { dtype, data, shape }] of Object.entries(feeds)) {
    if (!names.includes(name))
      throw itemError(
        'ERR_MODEL_INPUT',
        `the model has no input '${name}'; its inputs are ${names.join(', ')}`,
      )
    tensors[name] = new ort.Tensor(dtype, data, shape)
  }
  return tensors
}

async function arrayOf(tensor: OrtTensor): Promise<AnyNdArray> {
  const data = tensor.getData === undefined ? tensor.data : await tensor.getData()
  const isOwn = data.byteLength === data.buffer.byteLength
  return {
    data: isOwn ? data : data.slice(),
    dtype: tensor.type,
    shape: [...tensor.dims],
  } as AnyNdArray
}
