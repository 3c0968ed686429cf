import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { model } from '@spindle/models'
import { declaredOptions } from 'spindle/options'
import { testDeclarations } from '../../spindle/test/support/declared-options.ts'

const names = [
  ...['SessionOptions', 'BatchOptions', 'OnnxModelOptions', 'BackendModelOptions'],
  ...['TransformersOptions', 'TextOptions', 'TokenizeOptions'],
]
const ofModels = declaredOptions().filter(({ name }) => names.includes(name))

describe('declarations of options of @spindle/models', () => {
  it('are those of all functions', () => {
    assert.equal(typeof model, 'function')
    assert.deepEqual(ofModels.map(({ name }) => name).sort(), names.sort())
  })
  testDeclarations(ofModels)
})
