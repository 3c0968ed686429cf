import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import '@spindle/cluster'
import { declaredOptions } from 'spindle/options'
import { testDeclarations } from '../../spindle/test/support/declared-options.ts'

const ofCluster = declaredOptions().filter(({ error }) => error === 'ClusterError')

describe('declarations of options of @spindle/cluster', () => {
  it('are those of all functions', () => assert.ok(ofCluster.length >= 3))
  testDeclarations(ofCluster)
})
