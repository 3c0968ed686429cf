import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import '@spindle/io'
import '@spindle/io/media'
import '@spindle/io/sync'
import { declaredOptions } from 'spindle/options'
import { testDeclarations } from '../../spindle/test/support/declared-options.ts'

const ofIo = declaredOptions().filter(({ error }) => error === 'MediaError')

describe('declarations of options of @spindle/io', () => {
  it('are those of all functions', () => assert.ok(ofIo.length >= 40))
  testDeclarations(ofIo)
})
