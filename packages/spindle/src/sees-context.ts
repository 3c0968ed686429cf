const ARROW = /^(?:async\s*)?(?:\(\s*[\w$]*\s*\)|[\w$]+)\s*=>/
const FUNCTION = /^(?:async\s+)?function\s*[\w$]*\s*\(\s*[\w$]*\s*\)\s*\{/

/**
 * Whether an op could use its second argument. A function with one plain parameter cannot, unless
 * it mentions `arguments` or `eval`. The check pays because making a context takes a fifth of the
 * time of a synchronous stage. In unclear cases (rest parameters, defaults, bound and native
 * functions) the answer is true.
 */
export function seesContext(op: (...args: never[]) => unknown): boolean {
  if (op.length > 1) return true
  const text = Function.prototype.toString.call(op)
  if (ARROW.test(text)) return false
  return (
    !FUNCTION.test(text) || /\b(?:arguments|eval)\b/.test(text) || text.includes('[native code]')
  )
}
