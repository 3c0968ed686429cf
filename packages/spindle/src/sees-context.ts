const ARROW = /^(?:async\s*)?(?:\(\s*[\w$]*\s*\)|[\w$]+)\s*=>/
const FUNCTION = /^(?:async\s+)?function\s*[\w$]*\s*\(\s*[\w$]*\s*\)\s*\{/

/**
 * Whether an op could see its second argument. A function that takes one plain parameter cannot,
 * unless it speaks of `arguments`: making a context for it would be a fifth of what a synchronous
 * stage costs. Anything that is not plain to see (rest, defaults, bound and native functions)
 * counts as yes.
 */
export function seesContext(op: (...args: never[]) => unknown): boolean {
  if (op.length > 1) return true
  const text = Function.prototype.toString.call(op)
  if (ARROW.test(text)) return false
  return (
    !FUNCTION.test(text) || /\b(?:arguments|eval)\b/.test(text) || text.includes('[native code]')
  )
}
