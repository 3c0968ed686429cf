/** Works for so many milliseconds . */
export function burn(item, ms) {
  const until = performance.now() + ms
  let x = 0
  while (performance.now() < until) x += Math.sqrt(x + 1)
  return x < 0 ? undefined : item
}
