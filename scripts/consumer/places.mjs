// Runs with --enable-source-maps: stacks then name places in Spindle's sources, which must not be
// reported as the user's code.
import assert from 'node:assert/strict'
import { PipelineBuilder } from 'spindle'

const config = new PipelineBuilder()
  .addSource([1])
  .pipe((n) => n)
  .getConfig()
assert.match(String(config), /places\.mjs:7\]\n.*places\.mjs:8\]/)
