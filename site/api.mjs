// The API reference, from the docblocks: a page for each export of each entry of the packages, and
// tables of all options. TypeDoc reads the types, its Markdown plugin writes the pages.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, ReflectionKind } from 'typedoc'
import { ENTRIES } from '../scripts/packages.mjs'
import { optionPages } from './option-pages.mjs'

/** Writes `api/` and `options.md` below `target`; returns the names that the options have. */
export async function writeApi(root, target) {
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: ENTRIES.map(({ source }) => join(root, source)),
    tsconfig: join(root, 'site/tsconfig.json'),
    out: join(target, 'api'),
    readme: 'none',
    name: 'API',
    logLevel: 'Error',
    skipErrorChecking: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    githubPages: false,
    sort: ['source-order'],
    entryFileName: 'index',
    // Interfaces and types are on the page of their entry: a page for each would double the build.
    membersWithOwnFile: ['Class', 'Function'],
    hidePageHeader: true,
    hideBreadcrumbs: false,
    useCodeBlocks: true,
    expandObjects: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    propertyMembersFormat: 'table',
    typeDeclarationFormat: 'table',
    indexFormat: 'table',
    sanitizeComments: true,
    tableColumnSettings: { hideSources: true, hideModifiers: true, leftAlignHeaders: true },
    pageTitleTemplates: { member: ({ name }) => name },
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('TypeDoc could not read the packages')
  for (const module of project.children ?? []) {
    const path = (source) => source.replace('packages/', '').replace(/(?:\/index)?\.ts$/, '')
    const entry = ENTRIES.find(({ source }) => path(source) === module.name)
    module.name = entry?.specifier ?? module.name
  }
  await app.generateOutputs(project)
  const declared = declarations(root)
  writeFileSync(join(target, 'options.md'), optionPages(project, declared))
  return names(project)
}

/** The option declarations of the packages, where `scripts/option-tables.mjs` writes them. */
function declarations(root) {
  const script = join(root, 'scripts/option-tables.mjs')
  if (!existsSync(script)) return {}
  const args = ['--conditions=@spindle/source', '--import=tsx', script, '--json']
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }))
}

/** Every name of a member or parameter that the API has, and every export. */
function names(project) {
  const kinds =
    ReflectionKind.Property |
    ReflectionKind.Parameter |
    ReflectionKind.Accessor |
    ReflectionKind.SomeExport
  return {
    all: new Set(Object.values(project.reflections).map(({ name }) => name)),
    members: new Set(
      Object.values(project.reflections)
        .filter(({ kind }) => (kind & kinds) !== 0)
        .map(({ name }) => name),
    ),
  }
}
