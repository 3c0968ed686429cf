// The model, for worker threads: it is recurrent, so a session takes a whole sound.
import { defineBackend } from '@spindle/models'
import ort from 'onnxruntime-node'

export const RATE = 16000
export const FRAME = 512 // samples that the model looks at, with 64 of those before
const CONTEXT = 64

/** A sound at 16 kHz -> the chance of speech in each frame. */
export const vad = defineBackend(async ({ file }, { threads }) => {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: threads })
  const sr = new ort.Tensor('int64', BigInt64Array.of(BigInt(RATE)), [])
  return {
    provider: 'cpu',
    run: (sounds) => Promise.all(sounds.map(({ data }) => chancesOf(session, sr, data))),
  }
})

async function chancesOf(session, sr, data) {
  const window = new Float32Array(CONTEXT + FRAME)
  let state = new ort.Tensor('float32', new Float32Array(2 * 128), [2, 1, 128])
  const chances = []
  for (let at = 0; at + FRAME <= data.length; at += FRAME) {
    window.copyWithin(0, FRAME)
    window.set(data.subarray(at, at + FRAME), CONTEXT)
    const input = new ort.Tensor('float32', window, [1, window.length])
    const { output, stateN } = await session.run({ input, state, sr })
    state = stateN
    chances.push(output.data[0])
  }
  return chances
}
