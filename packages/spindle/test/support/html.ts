const VOID = new Set(['meta', 'link', 'br', 'img', 'input', 'hr'])

/**
 * What is wrong with a page's markup: tags that do not match, bare `<`, attributes given twice, ids
 * used twice. Empty if nothing is.
 */
export function problemsInMarkup(html: string): string[] {
  const problems: string[] = []
  const open: string[] = []
  const ids = new Set<string>()
  const body = html
    .replace(/^<!doctype html>/, '')
    .replace(/<(style|script)>[\s\S]*?<\/\1>/g, '<$1></$1>')
  const rest = body.replace(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*(\/?)>/g,
    (_, closes: string, name: string, attributes: string, closesItself: string) => {
      if (closes === '/') {
        const last = open.pop()
        if (last !== name) problems.push(`</${name}> closes <${last}>`)
      } else if (closesItself === '' && !VOID.has(name)) open.push(name)
      const names = [...attributes.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(([, key]) => key)
      if (new Set(names).size < names.length)
        problems.push(`<${name}${attributes}> has an attribute twice`)
      const id = attributes.match(/\sid="([^"]*)"/)?.[1]
      if (id !== undefined && ids.has(id)) problems.push(`id ${id} twice`)
      if (id !== undefined) ids.add(id)
      return ''
    },
  )
  if (open.length > 0) problems.push(`not closed: ${open.join(' ')}`)
  const stray = rest.match(/.{0,40}[<>].{0,40}/)
  if (stray !== null) problems.push(`stray: ${stray[0]}`)
  return problems
}
