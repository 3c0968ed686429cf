import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { sourceFile } from '../../support/typescript.ts'

// The other tests run as JavaScript, as they are compiled. What is compiled has links to its
// TypeScript beside it.
const here = dirname(realpathSync(sourceFile(import.meta.url)))
const root = join(here, '../../../../..')
const fixture = (name: string): string => JSON.stringify(pathToFileURL(join(here, name)).href)
const TS = '.ts' // a text that ends so would be taken to mean the compiled file

/** Runs a program on the TypeScript sources, through tsx. */
function fromSources(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const flags = ['--conditions=@spindle/source', '--import=tsx']
  const env = { ...process.env, NODE_OPTIONS: '' }
  return spawnSync(process.execPath, [...flags, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: 110_000,
  })
}

describe('from TypeScript sources', () => {
  it('ops run in threads, in a region of processes, and in whole pipelines elsewhere', () => {
    const { status, stdout, stderr } = fromSources(
      '--input-type=module',
      '--eval',
      `import { MAIN, PipelineBuilder, ThreadPool, runPipelineInProcess, runPipelineInWorker, workerModule, workers } from 'spindle'
       const { double } = workerModule(${fixture('fixtures/ops')} + '${TS}')
       const numbers = () => new PipelineBuilder().addSource([1, 2, 3])
       const collect = async (pipeline) => { const all = []; for await (const item of pipeline) all.push(item); return all.sort().join() }
       const told = []
       const executor = new ThreadPool({ size: 1 })
       told.push(await collect(numbers().pipe(double, { executor }).build()))
       await executor.close()
       told.push(await collect(numbers().to(workers({ count: 1, kind: 'process' })).pipe(double).to(MAIN).build()))
       // A .js that is not there means the .ts beside it.
       for (const [start, form] of [[runPipelineInWorker, '.js'], [runPipelineInProcess, '${TS}']]) {
         const pipeline = start(${fixture('../pipelines/fixtures/loaders')} + form, { export: 'counted', args: { count: 3 } })
         told.push(await collect(pipeline))
         await pipeline.stop()
       }
       console.log(told.join(' '))`,
    )
    assert.deepEqual([status, stderr], [0, ''])
    assert.equal(stdout, '2,4,6 2,4,6 0,1,2 0,1,2\n')
  })

  it('an error of an op names the line of the TypeScript file', () => {
    const { status, stdout, stderr } = fromSources(
      '--input-type=module',
      '--eval',
      `import { PipelineBuilder, ThreadPool, workerModule } from 'spindle'
       const executor = new ThreadPool({ size: 1 })
       const { fail } = workerModule(${fixture('fixtures/ops')} + '${TS}')
       try { for await (const _ of new PipelineBuilder().addSource([1]).pipe(fail, { executor }).build()); } catch ({ cause }) { console.log(cause.stack) }
       await executor.close()`,
    )
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, /fixtures\/ops\.ts:\d+/)
  })

  it('the command runs a program that is TypeScript', () => {
    const main = join(here, `../../../src/cli/main${TS}`)
    const { status, stdout, stderr } = fromSources(
      main,
      'run',
      join(here, `../../cli/fixtures/counting${TS}`),
    )
    assert.equal(status, 0, stderr)
    assert.match(stdout + stderr, /25 items out/)
  })
})
