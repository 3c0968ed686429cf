// llms.txt: the pages, a line each, for programs that read documentation. llms-full.txt: all guides
// as one text.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTENTS } from './contents.mjs'

/** Writes both into `target`; `pages` has the collected pages. */
export function writeLlmsTexts(pages, target) {
  const full = []
  const parts = CONTENTS.map(({ title, pages: names }) => {
    const lines = names.map((name) => {
      const text = readFileSync(join(pages, `${name}.md`), 'utf8').replace(/^---[\s\S]*?---\n/, '')
      if (!['changelog', 'architecture', 'options'].includes(name)) full.push(text.trim())
      return `- [${headingOf(text)}](${name}.html): ${firstSentenceOf(text)}`
    })
    return `## ${title}\n\n${lines.join('\n')}`
  })
  const head = `# Spindle

> Data loading pipelines for Node.js, in TypeScript: bounded concurrency for each stage, worker threads
> and processes, exact resume, and a report that names the bottleneck. Packages: \`spindle\` (engine),
> \`@spindle/io\` (images, audio, video, arrays, archives), \`@spindle/models\` (models as
> stages), \`create-spindle\` (templates).

A guide for programs that write code is in skills/spindle/SKILL.md of the repository.
`
  const api = '## API\n\n- [API reference](api/index.html): every export, from the docblocks'
  writeFileSync(join(target, 'llms.txt'), `${[head, ...parts, api].join('\n\n')}\n`)
  writeFileSync(join(target, 'llms-full.txt'), `${full.join('\n\n---\n\n')}\n`)
}

function headingOf(text) {
  return /^# (.+)$/m.exec(text)?.[1].replaceAll('`', '') ?? ''
}

/** Of the first paragraph below the heading. */
function firstSentenceOf(text) {
  const paragraph = text
    .slice(text.indexOf('\n', text.indexOf('# ')))
    .trim()
    .split(/\n\n/)[0]
  const plain = paragraph.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/\s+/g, ' ')
  return /^.*?[.:](?= |$)/.exec(plain)?.[0].replace(/:$/, '.') ?? plain
}
