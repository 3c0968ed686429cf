import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeImage, encodeWav } from '@spindle/io'
import { audioPreprocessor, imagePreprocessor, preprocessor } from '@spindle/models'
import { PipelineBuilder } from 'spindle'
import { RealFft } from '../../src/preprocess/fft.ts'
import type { PilFilter } from '../../src/preprocess/pil-filters.ts'
import { pilResize } from '../../src/preprocess/pil-resize.ts'
import { picture, sound } from './made-inputs.ts'

interface Truth {
  readonly frames: readonly number[]
  readonly resizes: readonly {
    readonly filter: PilFilter
    readonly from: readonly [number, number]
    readonly to: readonly [number, number]
    readonly pixels: string
  }[]
  readonly tensors: readonly {
    readonly config: Readonly<Record<string, unknown>>
    readonly from: readonly [number, number]
    readonly shape: readonly number[]
    readonly values: string
  }[]
  readonly photos: readonly {
    readonly config: Readonly<Record<string, unknown>>
    readonly photo: string
    readonly values: string
  }[]
  readonly sounds: readonly {
    readonly config: Readonly<Record<string, unknown>>
    readonly samples: number
    readonly shape: readonly number[]
    readonly values: string
  }[]
}

const truth = JSON.parse(
  readFileSync(new URL('../truth/preprocess.json', import.meta.url), 'utf8'),
) as Truth
const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
const floats = (text: string): Float32Array => new Float32Array(new Uint8Array(bytes(text)).buffer)

function farthest(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  assert.equal(ours.length, theirs.length)
  let most = 0
  for (let i = 0; i < ours.length; i++)
    most = Math.max(most, Math.abs((ours[i] as number) - (theirs[i] as number)))
  return most
}

describe('pictures of a model', () => {
  it('are scaled as Pillow scales them, bit by bit, with all of its filters', () => {
    for (const { filter, from, to, pixels } of truth.resizes) {
      const { data } = picture(...from)
      const [width, height] = from
      const made = pilResize({ data, width, height }, ...to, filter)
      assert.deepEqual(Buffer.from(made.data), bytes(pixels), `${filter} ${from} -> ${to}`)
    }
  })

  it('are the same if only a part is calculated', () => {
    const whole = pilResize(
      { data: picture(61, 37).data, width: 61, height: 37 },
      30,
      20,
      'bicubic',
    )
    const part = pilResize(
      { data: picture(61, 37).data, width: 61, height: 37 },
      30,
      20,
      'bicubic',
      {
        ...{ left: 5, top: 3, width: 11, height: 9 },
      },
    )
    for (let y = 0; y < 9; y++) {
      const from = ((y + 3) * 30 + 5) * 3
      assert.deepEqual(part.data.slice(y * 33, y * 33 + 33), whole.data.slice(from, from + 33))
    }
  })

  it('become the tensors of the processors of Hugging Face', () => {
    for (const { config, from, shape, values } of truth.tensors) {
      const made = imagePreprocessor(config).transform(picture(...from))
      const label = `${config.image_processor_type} ${JSON.stringify(config.size)} of ${from}`
      assert.deepEqual(made.shape, shape, label)
      const far = farthest(made.data, floats(values))
      assert.ok(far < 1e-6, `${label}: ${far}`)
      const { data, shape: other } = imagePreprocessor(config, { layout: 'HWC' }).transform(
        picture(...from),
      )
      const [, height = 0, width = 0] = shape
      assert.deepEqual(other, [height, width, 3])
      assert.deepEqual(
        made.data,
        made.data.map(
          (_, i) => data[(i % (height * width)) * 3 + Math.floor(i / (height * width))]!,
        ),
      )
    }
  })

  it('are loaded by an op in a thread, from a path or bytes', async () => {
    const image = picture(61, 37)
    const png = await encodeImage(image, { format: 'png' })
    const { config, values } = truth.tensors.find(
      ({ from }) => from.join() === '61,37',
    ) as Truth['tensors'][0]
    const { op, loadSync } = imagePreprocessor(config)
    const made: Float32Array[] = [loadSync(png).data]
    await new PipelineBuilder()
      .addSource([png])
      .pipe(op)
      .build()
      .forEach(({ data }) => {
        made.push(data)
      })
    assert.equal(made.length, 2)
    for (const data of made) assert.ok(farthest(data, floats(values)) < 1e-6)
  })

  it('of photographs are those of Pillow by sharp, and close to them by FFmpeg', async () => {
    for (const { config, photo, values } of truth.photos) {
      const path = fileURLToPath(new URL(`../../../../examples/photos/${photo}`, import.meta.url))
      const byBackend = ['sharp', 'ffmpeg'] as const
      const far: number[] = []
      for (const backend of byBackend)
        await new PipelineBuilder()
          .addSource([path])
          .pipe(imagePreprocessor(config, { backend }).op)
          .build()
          .forEach(({ data }) => {
            far.push(farthest(data, floats(values)))
          })
      assert.ok(far[0]! < 1e-6, `${photo}: ${far[0]}`)
      // 6 of 255 levels, with CLIP's deviation.
      assert.ok(far[1]! < 0.1, `${photo}: ${far[1]}`)
    }
  })

  it('can be loaded by the decoder`s own scaler where that can do the same', () => {
    const size = { width: 32, height: 32 }
    const exact = imagePreprocessor({
      size,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    })
    const { width, mode, layout, normalize } = exact.options ?? {}
    assert.deepEqual([width, mode, layout], [32, 'stretch', 'CHW'])
    assert.deepEqual(normalize, { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] })
    const smaller = imagePreprocessor({
      ...{ size: { shortest_edge: 40 }, do_center_crop: true, crop_size: size },
    })
    assert.equal(smaller.options, undefined)
  })
})

describe('sounds of a model', () => {
  it('become the features of the extractors of Hugging Face, within 1e-4', () => {
    for (const { config, samples, shape, values } of truth.sounds) {
      const made = audioPreprocessor(config).transform({ data: sound(samples) })
      assert.deepEqual(made.shape, shape)
      const [, frames = 0] = shape
      const chosen =
        shape.length === 1
          ? made.data.filter((_, i) => i % 7 === 0)
          : Array.from({ length: shape[0] as number }, (_, m) =>
              truth.frames.map((t) => made.data[m * frames + t] as number),
            ).flat()
      const far = farthest(chosen, floats(values))
      assert.ok(far < 1e-4, `${config.feature_extractor_type} ${shape}: ${far}`)
    }
  })

  it('are loaded by an op in a thread', async () => {
    const data = sound(4000)
    const wav = encodeWav({
      data,
      dtype: 'float32',
      shape: [1, 4000],
      layout: 'CT',
      sampleRate: 16000,
    })
    const { op, transform } = audioPreprocessor({
      ...{ feature_extractor_type: 'Wav2Vec2FeatureExtractor', sampling_rate: 16000 },
    })
    await new PipelineBuilder()
      .addSource([wav])
      .pipe(op)
      .build()
      .forEach((made) => {
        assert.deepEqual(made, transform({ data }))
      })
  })

  it('are transformed as the definition says, for any even length', () => {
    for (const size of [2, 6, 8, 14, 22, 400]) {
      const samples = Float64Array.from(sound(size))
      const power = new Float64Array(size / 2 + 1)
      new RealFft(size).power(samples, power)
      for (let k = 0; k <= size / 2; k++) {
        let [x, y] = [0, 0]
        samples.forEach((sample, i) => {
          x += sample * Math.cos((2 * Math.PI * i * k) / size)
          y -= sample * Math.sin((2 * Math.PI * i * k) / size)
        })
        assert.ok(Math.abs((power[k] as number) - (x * x + y * y)) < 1e-9, `${size}, ${k}`)
      }
    }
  })
})

describe('preprocessor()', () => {
  it('says what is wrong with a configuration', () => {
    const bad = (config: object, message: RegExp) =>
      assert.throws(() => preprocessor(config as never), { code: 'ERR_BAD_OPTION', message })
    bad({ size: { height: 3 } }, /`size` of the preprocessor configuration must be a number/)
    bad({ resample: 9 }, /`resample` .* must be a number from 0 to 5/)
    bad({ sampling_rate: 16000 }, /`feature_extractor_type` .* got nothing/)
    bad({ image_mean: [1, 2] }, /`image_mean` .* or three of them/)
    assert.throws(() => preprocessor('no-such.json'), { code: 'ERR_READ' })
    assert.throws(() => imagePreprocessor({ ...truth.sounds[0]?.config }), /for pictures/)
  })
})
