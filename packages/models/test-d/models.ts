// The types of model stages follow from their options. Compiled by `npm run types`, never run.
import type { AnyNdArray, NdArray } from '@spindle/io'
import {
  defineBackend,
  type imagePreprocessor,
  type ModelOp,
  model,
  textFeeds,
  tokenize,
  transformersModel,
} from '@spindle/models'
import { PipelineBuilder, workerModule } from 'spindle'

type Equal<A, B> =
  (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
function same<A, B>(..._: Equal<A, B> extends true ? [] : [never]): void {}

declare const arrays: readonly NdArray<'float32'>[]
const builder = new PipelineBuilder().addSource(arrays)

// One output, several, all.
const one = builder.pipe(model('a.onnx', { outputs: 'y' }))
same<typeof one, PipelineBuilder<AnyNdArray>>()
const two = builder.pipe(model('a.onnx', { outputs: ['y', 'z'] }))
same<typeof two, PipelineBuilder<{ readonly y: AnyNdArray; readonly z: AnyNdArray }>>()
const all = builder.pipe(model('a.onnx'))
same<typeof all, PipelineBuilder<Readonly<Record<string, AnyNdArray>>>>()

// The result of an item, from its output and the item.
interface Photo {
  readonly path: string
  readonly image: NdArray<'float32'>
}
const photos = new PipelineBuilder().addSource([] as Photo[])
const embedded = photos.pipe(
  model('a.onnx', {
    inputs: (photo: Photo) => photo.image,
    outputs: 'y',
    result: (y, { path }) => ({ path, length: y.data.length }),
  }),
)
same<typeof embedded, PipelineBuilder<{ path: string; length: number }>>()

// An item that is no array needs `inputs`.
// @ts-expect-error: a Photo is no input
photos.pipe(model('a.onnx', { outputs: 'y' }))
// @ts-expect-error: `inputs` is missing
model<Photo>('a.onnx', {})
// @ts-expect-error: no such option
model('a.onnx', { sesions: 1 })

// Backends by reference.
const scoring = defineBackend((settings: { readonly path: string }) => ({
  run: (texts: readonly string[]) => texts.map((text) => text.length + settings.path.length),
}))
interface Backends {
  scoring: typeof scoring
}
const backends = workerModule<Backends>(new URL('file:///backends.js'))
const scorer = model(backends.scoring, { settings: { path: 'x' } })
same<typeof scorer, ModelOp<string, number>>()
const scores = new PipelineBuilder().addSource(['a']).pipe(scorer)
same<typeof scores, PipelineBuilder<number>>()
// @ts-expect-error: the backend takes texts
new PipelineBuilder().addSource([1]).pipe(scorer)
// @ts-expect-error: wrong settings
model(backends.scoring, { settings: { path: 1 } })
export const direct: Promise<number> = scorer.run('a')

// Texts.
same<ReturnType<typeof imagePreprocessor>['kind'], 'image'>()
const ids = new PipelineBuilder().addSource(['a']).pipe(tokenize('t', { dtype: 'uint16' }))
same<typeof ids, PipelineBuilder<Uint16Array>>()
const ids32 = new PipelineBuilder().addSource(['a']).pipe(tokenize('t'))
same<typeof ids32, PipelineBuilder<Uint32Array>>()
export const texts = new PipelineBuilder()
  .addSource(['a'])
  .pipe(textFeeds('t'))
  .pipe(model('a.onnx', { outputs: 'y', batch: { pad: 0 } }))
const embed = transformersModel<string, NdArray<'float32'>>('feature-extraction', 'm')
same<typeof embed, ModelOp<string, NdArray<'float32'>>>()
