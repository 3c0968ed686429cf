import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PipelineBuilder } from '../builder/builder.ts'
import { Pipeline } from '../engine/pipeline.ts'
import { messageOf, SpindleError } from '../errors.ts'

/** What a module offers to `spindle run`. */
export interface Loaded {
  readonly pipeline: Pipeline<unknown>
  /** What the source's items are called: the module's export `unit`, default `'items'`. */
  readonly unit: string
}

/** Imports a module and makes the pipeline it exports. @throws `ERR_MODULE` if there is no such module or export. */
export async function loadPipeline(
  file: string,
  exportName: string | undefined,
  args: readonly string[],
): Promise<Loaded> {
  const path = resolve(file)
  if (!existsSync(path)) throw new SpindleError('ERR_MODULE', `there is no file ${path}`)
  if (/\.[cm]?tsx?$/.test(path) && !canStripTypes()) await registerTsx(path)
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  const names = exportName === undefined ? ['default', 'pipeline'] : [exportName]
  const name = names.find((candidate) => module[candidate] !== undefined)
  if (name === undefined) {
    const has = Object.keys(module).join(', ') || 'nothing'
    throw new SpindleError('ERR_MODULE', `${file} has no export ${names.join(' or ')}; it exports ${has}`)
  }
  const exported = module[name]
  const made: unknown = typeof exported === 'function' ? await exported([...args]) : exported
  const unit = typeof module.unit === 'string' ? module.unit : 'items'
  if (made instanceof Pipeline) return { pipeline: made as Pipeline<unknown>, unit }
  if (made instanceof PipelineBuilder) return { pipeline: (made as PipelineBuilder<unknown>).build(), unit }
  // Another copy of the package makes objects that are none of ours but do what is asked.
  if (isBuilder(made)) return { pipeline: made.build(), unit }
  throw new SpindleError(
    'ERR_MODULE',
    `export ${name} of ${file} is no PipelineBuilder, no Pipeline, and no function that makes one`,
  )
}

function isBuilder(value: unknown): value is { build(): Pipeline<unknown> } {
  return typeof value === 'object' && value !== null && 'build' in value && typeof value.build === 'function'
}

function canStripTypes(): boolean {
  const { typescript } = process.features as { typescript?: unknown }
  return Boolean(typescript) || process.execArgv.some((arg) => arg.includes('tsx'))
}

async function registerTsx(path: string): Promise<void> {
  try {
    // `require.resolve` would give tsx's CommonJS file, which cannot register; `import.meta.resolve` takes no parent on Node 20.
    const manifest = createRequire(path).resolve('tsx/package.json')
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      exports: { './esm/api': { import: { default: string } } }
    }
    const file = join(dirname(manifest), exports['./esm/api'].import.default)
    const { register } = (await import(pathToFileURL(file).href)) as { register(): void }
    register()
  } catch (error) {
    throw new SpindleError(
      'ERR_MODULE',
      `${path} is TypeScript, which Node ${process.versions.node} does not run: install tsx beside it, or use Node >= 22.18 (${messageOf(error)})`,
    )
  }
}
